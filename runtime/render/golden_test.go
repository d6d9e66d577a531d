package render

import (
	"bytes"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
	"github.com/rogpeppe/go-internal/txtar"

	"github.com/slipway-os/slipway/runtime/settings"
)

var update = flag.Bool("update", false, "write the goldens anew")

// imageFolder is where the image's templates lie in the tree.
const imageFolder = "../files" + Folder

// image loads the templates that the image brings.
func image(t *testing.T) *Set {
	t.Helper()
	set, err := Load(os.DirFS(imageFolder))
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// TestGolden: testdata/golden/TEMPLATE.CASE.txtar holds settings.toml and the
// files that the template makes of them, each with its mode in the first line.
// Files below /usr are put into the root first.
func TestGolden(t *testing.T) {
	set := image(t)
	cases, err := filepath.Glob("testdata/golden/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, name := range cases {
		template, _, _ := strings.Cut(filepath.Base(name), ".")
		seen[template] = true
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			i := slices.IndexFunc(set.templates, func(x *Template) bool { return x.Name == template })
			if i < 0 {
				t.Fatalf("there is no template %q", template)
			}
			runGolden(t, set, set.templates[i], name)
		})
	}
	for _, x := range set.templates {
		if !seen[x.Name] {
			t.Errorf("template %s has no golden", x.Name)
		}
	}
}

func runGolden(t *testing.T, set *Set, template *Template, name string) {
	t.Helper()
	archive, err := txtar.ParseFile(name)
	if err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	want := &txtar.Archive{Comment: archive.Comment}
	var nested map[string]any
	for _, f := range archive.Files {
		switch {
		case f.Name == "settings.toml":
			want.Files = append(want.Files, f)
			nested = settle(t, f.Data)
		case strings.HasPrefix(f.Name, "/usr/"):
			want.Files = append(want.Files, f)
			put(t, filepath.Join(root, f.Name), string(f.Data))
		}
	}
	if _, err := set.Render(root, []*Template{template}, nested); err != nil {
		t.Fatal(err)
	}
	got := &txtar.Archive{Comment: want.Comment, Files: append(slices.Clone(want.Files), tree(t, root)...)}
	if *update {
		if err := os.WriteFile(name, txtar.Format(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(string(txtar.Format(archive)), string(txtar.Format(got))); d != "" {
		t.Errorf("the files are not the golden ones (-want +got); -update writes them:\n%s", d)
	}
}

// settle makes of a document what the runtime hands to templates.
func settle(t *testing.T, document []byte) map[string]any {
	t.Helper()
	var doc map[string]any
	if err := toml.NewDecoder(bytes.NewReader(document)).Decode(&doc); err != nil {
		t.Fatal(err)
	}
	if doc == nil {
		doc = map[string]any{}
	}
	schema := settings.Base()
	values, err := schema.Flatten(doc)
	if err != nil {
		t.Fatal(err)
	}
	values = schema.WithDefaults(values)
	if err := schema.Check(values); err != nil {
		t.Fatal(err)
	}
	return schema.Nest(values)
}

// tree lists the files below root but those of the image.
func tree(t *testing.T, root string) []txtar.File {
	t.Helper()
	var files []txtar.File
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		name := strings.TrimPrefix(p, root)
		if err != nil || d.IsDir() || strings.HasPrefix(name, "/usr/") {
			return err
		}
		data, err := os.ReadFile(p)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := fmt.Sprintf("mode %04o\n", info.Mode().Perm())
		files = append(files, txtar.File{Name: name, Data: append([]byte(mode), data...)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func put(t *testing.T, path, data string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

package layer

import (
	"archive/tar"
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// tree makes files below a new folder; a text that starts with "->" is a link.
func tree(t testing.TB, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		switch {
		case len(text) > 2 && text[:2] == "->":
			err = os.Symlink(text[2:], file)
		case text == "/":
			err = os.MkdirAll(file, 0o755)
		default:
			err = os.WriteFile(file, []byte(text), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func list(t testing.TB, root string) []Entry {
	t.Helper()
	entries, err := List(root)
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func paths(entries []Entry) []string {
	var names []string
	for _, e := range entries {
		names = append(names, e.Path)
	}
	return names
}

func TestWriteIsDeterministic(t *testing.T) {
	files := map[string]string{"usr/lib/b": "2", "usr/lib/a": "1", "usr/lib-x/c": "3", "usr/lib/link": "->a"}
	var first []byte
	for i := range 2 {
		root := tree(t, files)
		if err := os.Chtimes(filepath.Join(root, "usr/lib/a"), time.Now(), time.Now().Add(time.Duration(i)*time.Hour)); err != nil {
			t.Fatal(err)
		}
		out := filepath.Join(t.TempDir(), "layer.tar")
		if err := Write(out, list(t, root), 1000); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err)
		}
		if first == nil {
			first = data
		} else if !bytes.Equal(first, data) {
			t.Error("the same files gave different layers")
		}
	}
	h, err := tar.NewReader(bytes.NewReader(first)).Next()
	if err != nil {
		t.Fatal(err)
	}
	if h.Uid != 0 || h.Gid != 0 || h.Uname != "" || !h.ModTime.Equal(time.Unix(1000, 0)) {
		t.Errorf("got owner %d:%d %q and time %v, want 0:0 and 1000 s", h.Uid, h.Gid, h.Uname, h.ModTime)
	}
}

func TestListKeepsFoldersTogether(t *testing.T) {
	got := paths(list(t, tree(t, map[string]string{"a/x": "", "a-b": "", "a/y": ""})))
	if want := []string{"a", "a/x", "a/y", "a-b"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRoundTrip(t *testing.T) {
	root := tree(t, map[string]string{"usr/bin/tool": "#!", "usr/bin/alias": "->tool", "var": "/"})
	out := filepath.Join(t.TempDir(), "layer.tar")
	if err := Write(out, list(t, root), 1); err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	if err := Extract(out, to); err != nil {
		t.Fatal(err)
	}
	if got, want := paths(list(t, to)), paths(list(t, root)); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestExtractRefuses(t *testing.T) {
	outside := t.TempDir()
	cases := map[string][]tar.Header{
		"a path that leaves the folder":  {{Name: "../evil", Typeflag: tar.TypeReg}},
		"a link that leads outside":      {{Name: "out", Typeflag: tar.TypeSymlink, Linkname: outside}, {Name: "out/evil", Typeflag: tar.TypeReg}},
		"a device":                       {{Name: "dev", Typeflag: tar.TypeChar}},
		"an absolute path that is taken": {{Name: outside + "/evil", Typeflag: tar.TypeReg}},
	}
	for name, headers := range cases {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			w := tar.NewWriter(&b)
			for _, h := range headers {
				if err := w.WriteHeader(&h); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(t.TempDir(), "layer.tar")
			if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			if err := Extract(file, t.TempDir()); err == nil {
				t.Error("the layer was extracted")
			}
			if _, err := os.Stat(filepath.Join(outside, "evil")); err == nil {
				t.Error("a file was written outside")
			}
		})
	}
}

func TestExtractTruncated(t *testing.T) {
	out := filepath.Join(t.TempDir(), "layer.tar")
	if err := Write(out, list(t, tree(t, map[string]string{"a": string(make([]byte, 4096))})), 1); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(out, 2000); err != nil {
		t.Fatal(err)
	}
	if err := Extract(out, t.TempDir()); err == nil {
		t.Error("a truncated layer was extracted")
	}
}

func FuzzExtract(f *testing.F) {
	out := filepath.Join(f.TempDir(), "layer.tar")
	if err := Write(out, list(f, tree(f, map[string]string{"a/b": "c", "l": "->a"})), 1); err != nil {
		f.Fatal(err)
	}
	seed, err := os.ReadFile(out)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(seed)
	f.Fuzz(func(t *testing.T, data []byte) {
		file := filepath.Join(t.TempDir(), "layer.tar")
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
		Extract(file, t.TempDir()) // any error will do; no panic, nothing outside
	})
}

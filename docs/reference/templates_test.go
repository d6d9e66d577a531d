package reference

import (
	_ "embed"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/render"
)

//go:embed templates.md
var templatesMD string

// templates is where they lie in the tree.
const templates = "../../runtime/files" + render.Folder

// TestTemplates: every field, helper and view has its row, nothing else has,
// and the table of the image's templates is what they say.
func TestTemplates(t *testing.T) {
	for _, table := range []struct {
		section string
		want    []string
	}{
		{"## Header", render.Fields()},
		{"## Body", render.Helpers()},
		{"## Views", render.Views()},
	} {
		want, got := slices.Sorted(slices.Values(table.want)), rows(table.section)
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("templates.md, %s, is not what runtime/render has (-code +document):\n%s", table.section, d)
		}
	}
	const marker = "go test ./docs/reference -update -->\n"
	written, committed, ok := strings.Cut(templatesMD, marker)
	if !ok {
		t.Fatal("templates.md lacks the line before its generated part")
	}
	generated := "\n" + list(t)
	if *update {
		if err := os.WriteFile("templates.md", []byte(written+marker+generated), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if d := cmp.Diff(committed, generated); d != "" {
		t.Errorf("templates.md is not what the templates say; run go test ./docs/reference -update (-committed +generated):\n%s", d)
	}
}

// rows lists the first words of a section's table, sorted.
func rows(section string) []string {
	_, rest, _ := strings.Cut(templatesMD, section+"\n")
	rest, _, _ = strings.Cut(rest, "\n## ")
	var names []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([A-Za-z0-9-]+)").FindAllStringSubmatch(rest, -1) {
		names = append(names, m[1])
	}
	slices.Sort(names)
	return names
}

// list is the table of the image's templates.
func list(t *testing.T) string {
	t.Helper()
	set, err := render.Load(os.DirFS(templates))
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("| template | file | settings | units |\n|---|---|---|---|\n")
	action := regexp.MustCompile(`\{\{.*\}\}`)
	for _, x := range set.All() {
		h := x.Header
		var units []string
		units = append(units, mark("restart ", h.Restart)...)
		units = append(units, mark("try-restart ", h.TryRestart)...)
		units = append(units, mark("reload ", h.Reload)...)
		fmt.Fprintf(&b, "| %s | `%s` | %s | %s |\n", x.Name, action.ReplaceAllString(h.Path, "…"),
			strings.Join(mark("", h.Settings), ", "), strings.Join(units, ", "))
	}
	return b.String()
}

func mark(before string, names []string) []string {
	var out []string
	for _, n := range names {
		out = append(out, before+"`"+n+"`")
	}
	return out
}

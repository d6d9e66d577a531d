package render

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
)

// load makes a set of templates from their sources.
func load(t *testing.T, sources map[string]string) *Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, s := range sources {
		fsys[name+".tmpl"] = &fstest.MapFile{Data: []byte(s)}
	}
	set, err := Load(fsys)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

func header(lines ...string) string {
	return "+++\n" + strings.Join(lines, "\n") + "\n+++\n"
}

var basic = header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["a", "b.c"]`)

func TestLoadRefuses(t *testing.T) {
	for _, tc := range []struct{ name, source, want string }{
		{"no header", "text", `does not begin with a header`},
		{"header without end", "+++\npath = \"/etc/x\"\n", `does not begin with a header`},
		{"unknown field", header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["a"]`, `user = "x"`), "no such field: user"},
		{"no path", header(`mode = "0644"`, `settings = ["a"]`), `path "" is not`},
		{"path with ..", header(`path = "/etc/../usr/x"`, `mode = "0644"`, `settings = ["a"]`), `is not a clean absolute path`},
		{"path in the image", header(`path = "/usr/x"`, `mode = "0644"`, `settings = ["a"]`), `neither below /etc nor below /run/slipway`},
		{"mode", header(`path = "/etc/x"`, `mode = "644"`, `settings = ["a"]`), `mode "644"`},
		{"mode with setuid", header(`path = "/etc/x"`, `mode = "4755"`, `settings = ["a"]`), `mode "4755"`},
		{"no settings", header(`path = "/etc/x"`, `mode = "0644"`), "names no settings"},
		{"odd key", header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["settings..a"]`), "is not a key"},
		{"when elsewhere", header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["a"]`, `when = ["z"]`), `"z" is not among`},
		{"each elsewhere", header(`path = "/etc/{{ filename .Name }}"`, `mode = "0644"`, `settings = ["a"]`, `each = "z"`), `"z" is not among`},
		{"unknown view", header(`path = "/etc/{{ filename .Name }}"`, `mode = "0644"`, `settings = ["a"]`, `view = "z"`), "none of the views"},
		{"path with actions alone", header(`path = "/etc/{{ 1 }}"`, `mode = "0644"`, `settings = ["a"]`), "needs each"},
		{"not a unit", header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["a"]`, `restart = ["x"]`), "not the name of a unit"},
		{"template syntax", basic + "{{ if }}", "missing value for if"},
		{"unknown helper", basic + `{{ shell "ls" }}`, `"shell" not defined`},
		{"undeclared key", basic + `{{ setting "z" }}`, "does not name settings.z"},
		{"undeclared key in a branch", basic + `{{ if true }}{{ else if isSet "b.d" }}{{ end }}`, "does not name settings.b.d"},
		{"undeclared key in a pipe", basic + `{{ join "," (settingOr "z" nil) }}`, "does not name settings.z"},
		{"undeclared key in a definition", basic + `{{ define "d" }}{{ setting "z" }}{{ end }}`, "does not name settings.z"},
		{"key not literal", basic + `{{ $k := "a" }}{{ setting $k }}`, "is not a literal"},
		{"key from a pipe", basic + `{{ "a" | setting }}`, "the key is missing"},
		{"emit", basic + `{{ "a" | emit }}`, "not for templates"},
		{"text beside other text", basic + `x={{ setting "a" | text }}`, "nothing beside it"},
		{"binary beside other text", basic + "{{ setting `a` | base64 | binary }}\n[section]", "nothing beside it"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := Load(fstest.MapFS{"x.tmpl": {Data: []byte(tc.source)}})
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "template x: ") {
				t.Errorf("Load = %v, want an error of template x with %q", err, tc.want)
			}
		})
	}
	if _, err := Load(fstest.MapFS{}); err == nil {
		t.Error("Load of an empty folder succeeded")
	}
}

func TestAffected(t *testing.T) {
	set := load(t, map[string]string{
		"one": header(`path = "/etc/one"`, `mode = "0644"`, `settings = ["network.hosts"]`),
		"two": header(`path = "/etc/two"`, `mode = "0644"`, `settings = ["network", "motd"]`),
	})
	for _, tc := range []struct {
		key  string
		want []string
	}{
		{"network.hosts", []string{"one", "two"}},
		{"network", []string{"one", "two"}},
		{"network.hostname", []string{"two"}},
		{`network.interfaces."0e:b3:69:44:b6:33".mtu`, []string{"two"}},
		{"motd", []string{"two"}},
		{"motdx", nil},
		{"network.hostsx", []string{"two"}},
		{"ntp", nil},
	} {
		var got []string
		for _, x := range set.Affected([]string{"other", tc.key}) {
			got = append(got, x.Name)
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("Affected(%s) (-want +got):\n%s", tc.key, d)
		}
	}
}

func TestRenderErrorsNameTemplateAndKey(t *testing.T) {
	set := load(t, map[string]string{
		"bad":  header(`path = "/etc/bad"`, `mode = "0644"`, `settings = ["ntp"]`) + `{{ setting "ntp.time-servers" | join " " }}`,
		"good": header(`path = "/etc/good"`, `mode = "0644"`, `settings = ["motd"]`) + `{{ setting "motd" }}`,
	})
	root := t.TempDir()
	result, err := set.Render(root, set.All(), map[string]any{"motd": "hi"})
	var e *Error
	if !errors.As(err, &e) || e.Template != "bad" || e.Key != "ntp.time-servers" {
		t.Fatalf("Render = %v, want an error of template bad and ntp.time-servers", err)
	}
	if want := "template bad: settings.ntp.time-servers: is not set"; err.Error() != want {
		t.Errorf("Render says %q, want %q", err, want)
	}
	if d := cmp.Diff([]string{"/etc/good"}, result.Written); d != "" {
		t.Errorf("the good template was not written (-want +got):\n%s", d)
	}
}

func TestRenderWritesOnlyChanges(t *testing.T) {
	set := load(t, map[string]string{
		"a": header(`path = "/etc/a"`, `mode = "0600"`, `settings = ["a"]`, `when = ["a"]`, `restart = ["one.service"]`, `reload = ["two.service"]`) + `{{ setting "a" }}`,
		"b": header(`path = "/etc/b/b"`, `mode = "0644"`, `settings = ["b"]`, `try-restart = ["two.service", "three.service"]`) + `{{ settingOr "b" "" }}`,
	})
	root := t.TempDir()
	step := func(name string, nested map[string]any, want Result) {
		t.Helper()
		got, err := set.Render(root, set.All(), nested)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	both := []UnitAction{{"one.service", Restart}, {"two.service", TryRestart}, {"three.service", TryRestart}}
	step("new", map[string]any{"a": "1", "b": "1"}, Result{Written: []string{"/etc/a", "/etc/b/b"}, Units: both})
	step("same", map[string]any{"a": "1", "b": "1"}, Result{})
	step("one", map[string]any{"a": "1", "b": "2"}, Result{Written: []string{"/etc/b/b"}, Units: []UnitAction{{"two.service", TryRestart}, {"three.service", TryRestart}}})
	if err := os.Chmod(filepath.Join(root, "/etc/a"), 0o644); err != nil {
		t.Fatal(err)
	}
	step("mode", map[string]any{"a": "1", "b": "2"}, Result{Written: []string{"/etc/a"}, Units: both[:1:1]}.with(UnitAction{"two.service", Reload}))
	step("none", map[string]any{}, Result{Removed: []string{"/etc/a", "/etc/b/b"}, Units: both})
	step("still none", map[string]any{}, Result{})
	if left, err := filepath.Glob(filepath.Join(root, "/etc/.*")); err != nil || len(left) > 0 {
		t.Errorf("files left beside: %v, %v", left, err)
	}
}

func (r Result) with(u UnitAction) Result {
	r.Units = append(r.Units, u)
	return r
}

func TestEachRemovesWhatIsGone(t *testing.T) {
	set := load(t, map[string]string{
		"each": header(`path = "/etc/d/10-{{ filename .Name }}.d/x.conf"`, `mode = "0644"`, `settings = ["m"]`, `each = "m"`) + `{{ get .Value "v" }}`,
		"list": header(`path = "/etc/l/{{ filename .Name }}"`, `mode = "0644"`, `settings = ["l"]`, `each = "l"`) + `{{ .Value }}`,
	})
	root := t.TempDir()
	put(t, filepath.Join(root, "/etc/d/20-other.d/x.conf"), "not ours")
	render := func(nested map[string]any) Result {
		t.Helper()
		r, err := set.Render(root, set.All(), nested)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	render(map[string]any{"m": map[string]any{"a": map[string]any{"v": 1}, "b": map[string]any{"v": 2}}, "l": []string{"x", "y"}})
	got := render(map[string]any{"m": map[string]any{"b": map[string]any{"v": 2}, "c": map[string]any{"v": 3}}, "l": []any{"x"}})
	want := Result{Written: []string{"/etc/d/10-c.d/x.conf"}, Removed: []string{"/etc/d/10-a.d/x.conf", "/etc/l/1"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if _, err := os.Stat(filepath.Join(root, "/etc/d/10-a.d")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the empty folder is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(root, "/etc/d/20-other.d/x.conf")); err != nil {
		t.Errorf("somebody else's file: %v", err)
	}
	for _, name := range []string{"../../x", "a/b", ".hidden", "a\nb", "", "-x", "ä"} {
		_, err := set.Render(root, set.All(), map[string]any{"m": map[string]any{name: map[string]any{"v": 1}}})
		if err == nil || !strings.Contains(err.Error(), "template each: ") {
			t.Errorf("name %q: error %v, want one of template each", name, err)
		}
	}
}

func TestTwoTemplatesOneFile(t *testing.T) {
	set := load(t, map[string]string{
		"one": header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["a"]`) + "1",
		"two": header(`path = "/etc/x"`, `mode = "0644"`, `settings = ["a"]`) + "2",
	})
	err := set.Check(t.TempDir(), nil)
	if err == nil || !strings.Contains(err.Error(), "template two: /etc/x is made by template one already") {
		t.Errorf("Check = %v", err)
	}
}

func TestRenderKeepsFileOnFailure(t *testing.T) {
	set := load(t, map[string]string{
		"a": header(`path = "/etc/a"`, `mode = "0644"`, `settings = ["a"]`) + `{{ setting "a" }}`,
	})
	root := t.TempDir()
	put(t, filepath.Join(root, "/etc/a"), "old")
	if _, err := set.Render(root, set.All(), map[string]any{"a": "two\nlines"}); err == nil {
		t.Error("a line end went through")
	}
	if got, err := os.ReadFile(filepath.Join(root, "/etc/a")); err != nil || string(got) != "old" {
		t.Errorf("file %q, %v, want the old one", got, err)
	}
	put(t, filepath.Join(root, "/etc/file"), "in the way")
	set = load(t, map[string]string{
		"b": header(`path = "/etc/file/b"`, `mode = "0644"`, `settings = ["a"]`) + "b",
	})
	if _, err := set.Render(root, set.All(), nil); err == nil || !strings.Contains(err.Error(), "template b: writing /etc/file/b: ") {
		t.Errorf("Render where a file is in the way = %v", err)
	}
}

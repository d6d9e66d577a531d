package recipe

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func load(t *testing.T, text string) (*Recipe, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "recipe.json")
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return Load(file)
}

func TestLoadRefuses(t *testing.T) {
	cases := map[string]struct{ text, want string }{
		"no name":       {`{"version":"1","style":"make"}`, "name and version are required"},
		"unknown style": {`{"name":"x","version":"1","style":"scons"}`, `unknown build style "scons" (have autotools, custom, files, go, kernel, make, meson)`},
		"unknown field": {`{"name":"x","version":"1","style":"make","flags":[]}`, `unknown field "flags"`},
		"custom, no sh": {`{"name":"x","version":"1","style":"custom"}`, "needs a build script"},
		"torn":          {`{"name":"x"`, "unexpected EOF"},
		"not an object": {`[]`, "cannot unmarshal array"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if _, err := load(t, c.text); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
}

// names returns the phases' names in order, each once.
func names(phases []Phase) []string {
	var out []string
	for _, p := range phases {
		if len(out) == 0 || out[len(out)-1] != p.Name {
			out = append(out, p.Name)
		}
	}
	return out
}

func TestPhases(t *testing.T) {
	cases := map[string]struct {
		recipe Recipe
		want   []string
	}{
		"autotools": {Recipe{Style: "autotools", Sources: []string{"x.tar"}}, []string{"unpack", "patch", "configure", "build", "install"}},
		"hooks":     {Recipe{Style: "make", Sources: []string{"x.tar"}, Prepare: "p", Finish: "f"}, []string{"unpack", "patch", "prepare", "build", "install", "finish"}},
		"meson":     {Recipe{Style: "meson", Sources: []string{"x.tar"}}, []string{"unpack", "patch", "configure", "build", "install"}},
		"custom":    {Recipe{Style: "custom", Build: "b"}, []string{"build"}},
		"files":     {Recipe{Style: "files"}, nil},
		"go":        {Recipe{Style: "go", Sources: []string{"modules.tar"}, Binaries: map[string]string{"usr/bin/x": "x"}}, []string{"unpack", "build", "licences"}},
		"kernel":    {Recipe{Style: "kernel", Sources: []string{"x.tar"}, Fragments: []string{"a.config"}}, []string{"unpack", "patch", "configure", "build", "install"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := names(c.recipe.Phases(2)); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// argsOf returns the arguments of the first command of a phase that runs program.
func argsOf(t *testing.T, phases []Phase, phase, program string) []string {
	t.Helper()
	for _, p := range phases {
		for _, c := range p.Commands {
			if p.Name == phase && slices.Contains(c.Args, program) {
				return c.Args
			}
		}
	}
	t.Fatalf("phase %s runs no %s", phase, program)
	return nil
}

func TestAutotoolsIsACrossBuild(t *testing.T) {
	r := Recipe{Style: "autotools", Configure: []string{"--disable-static"}, Sources: []string{"x.tar"}}
	args := argsOf(t, r.Phases(1), "configure", "./configure")
	for _, want := range []string{"--host=" + Target, "--prefix=/usr", "--libdir=/usr/lib", "--disable-static"} {
		if !slices.Contains(args, want) {
			t.Errorf("configure lacks %s: %q", want, args)
		}
	}
}

func TestMakeVariablesAreSorted(t *testing.T) {
	r := Recipe{Style: "make", Variables: map[string]string{"b": "2", "a": "1"}, Sources: []string{"x.tar"}}
	got := argsOf(t, r.Phases(3), "build", "make")
	if want := []string{"make", "-j3", "-Otarget", "a=1", "b=2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestEnvironment(t *testing.T) {
	r := Recipe{Name: "x", Version: "1", Style: "make", Epoch: 7, Env: map[string]string{"MORE": "yes"}}
	env := r.Environment(2)
	for _, want := range []string{"SOURCE_DATE_EPOCH=7", "FAKETIME=7", "LC_ALL=C.UTF-8", "USER=build", "MORE=yes", "JOBS=2"} {
		if !slices.Contains(env, want) {
			t.Errorf("the environment lacks %s", want)
		}
	}
	for _, kv := range env {
		if strings.HasPrefix(kv, "CC=") && !strings.Contains(kv, "--sysroot="+Sysroot) {
			t.Errorf("%s compiles without the sysroot", kv)
		}
	}
	r.NoSysroot = true
	for _, kv := range r.Environment(2) {
		if strings.HasPrefix(kv, "CC=") && strings.Contains(kv, "--sysroot") {
			t.Errorf("%s compiles with a sysroot", kv)
		}
	}
}

func TestGoLinkFlags(t *testing.T) {
	r := Recipe{Version: "1.2", XDefs: map[string]string{"main.version": "{version}"}}
	if got, want := r.goLinkFlags(), "-s -w -buildid= -X 'main.version=1.2'"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestCrossFile(t *testing.T) {
	text := (&Recipe{Name: "x", CFlags: []string{"-DQUOTE='a'"}}).CrossFile()
	for _, want := range []string{"needs_exe_wrapper = true", "sys_root = '/sysroot'", `'-DQUOTE=\'a\''`} {
		if !strings.Contains(text, want) {
			t.Errorf("the cross file lacks %s:\n%s", want, text)
		}
	}
}

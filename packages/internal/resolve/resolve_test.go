package resolve

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

// universe makes packages of lines "NAME VERSION; FIELD: VALUE; …".
func universe(t *testing.T, lines ...string) *Universe {
	t.Helper()
	byName := map[string]debian.Binary{}
	for _, line := range lines {
		head, fields, _ := strings.Cut(line, ";")
		name, version, _ := strings.Cut(head, " ")
		text := "Package: " + name + "\nVersion: " + version + "\nFilename: pool/" + name + ".deb\nSize: 1\n" +
			"SHA256: " + strings.Repeat("0", 64) + "\n" + strings.ReplaceAll(strings.TrimSpace(fields), "; ", "\n") + "\n"
		all, err := debian.ParsePackages(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		byName[name] = all[0]
	}
	return NewUniverse(byName)
}

func TestClosure(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		ask   string
		want  string
	}{
		{"depends and pre-depends", []string{"a 1; Depends: b; Pre-Depends: c", "b 1; Depends: d", "c 1", "d 1", "e 1"}, "a", "a b c d"},
		{"recommends do not count", []string{"a 1; Recommends: b", "b 1"}, "a", "a"},
		{"a circle", []string{"a 1; Depends: b", "b 1; Depends: a"}, "a", "a b"},
		{"the first alternative", []string{"a 1; Depends: b | c", "b 1", "c 1"}, "a", "a b"},
		{"an alternative asked for", []string{"a 1; Depends: b | c", "b 1", "c 1"}, "a c", "a c"},
		{"an alternative too old", []string{"a 1; Depends: b (>= 2) | c", "b 1", "c 1"}, "a", "a c"},
		{"a virtual package", []string{"a 1; Depends: v", "b 1; Provides: v"}, "a", "a b"},
		{"the provider of higher priority", []string{"a 1; Depends: v", "b 1; Provides: v; Priority: extra", "c 1; Provides: v; Priority: required"}, "a", "a c"},
		{"the real package before a provider", []string{"a 1; Depends: v", "b 1; Provides: v; Priority: required", "v 1"}, "a", "a v"},
		{"a versioned provider", []string{"a 1; Depends: v (>= 2)", "b 1; Provides: v", "c 1; Provides: v (= 2)"}, "a", "a c"},
		{"conflict with an older version", []string{"a 1; Breaks: b (<< 1)", "b 1"}, "a b", "a b"},
		{"conflict with a name it provides", []string{"a 1; Provides: v; Conflicts: v"}, "a", "a"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			all, err := universe(t, tt.lines...).Closure(strings.Fields(tt.ask))
			if err != nil {
				t.Fatal(err)
			}
			var names []string
			for _, b := range all {
				names = append(names, b.Name)
			}
			if diff := cmp.Diff(tt.want, strings.Join(names, " ")); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestClosureRefuses(t *testing.T) {
	for _, tt := range []struct {
		name  string
		lines []string
		ask   string
		want  []string
	}{
		{"unknown names", []string{"a 1"}, "x y", []string{`no package "x"`, `no package "y"`}},
		{"unmet dependency", []string{"a 1; Depends: b (>= 2) | c", "b 1"}, "a", []string{`package a 1: nothing satisfies "b (>= 2) | c"`}},
		{"conflict", []string{"a 1; Conflicts: b", "b 1"}, "a b", []string{"package a excludes b"}},
		{"conflict by virtual name", []string{"a 1; Provides: v; Conflicts: v", "b 1; Provides: v"}, "a b", []string{"package a excludes b"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := universe(t, tt.lines...).Closure(strings.Fields(tt.ask))
			for _, want := range tt.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("Closure: %v, want %q", err, want)
				}
			}
		})
	}
}

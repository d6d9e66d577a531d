package debian

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseRelations(t *testing.T) {
	got, err := ParseRelations("libc6 (>= 2.38), awk:any | gawk (<< 2~),\n zlib1g(=1:1.3), ")
	if err != nil {
		t.Fatal(err)
	}
	want := []Alternatives{
		{{Name: "libc6", Op: ">=", Version: "2.38"}},
		{{Name: "awk"}, {Name: "gawk", Op: "<<", Version: "2~"}},
		{{Name: "zlib1g", Op: "=", Version: "1:1.3"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRelationsRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"a | , b":      "not a package name",
		"a b":          "not a package name",
		"a (>= 1":      "does not end in a parenthesis",
		"a (>= 1) x":   "does not end in a parenthesis",
		"a (1)":        "not a version bound",
		"a (>=)":       "not a version bound",
		"a [amd64], b": "not a package name",
	} {
		if _, err := ParseRelations(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseRelations(%q): %v, want %q", text, err, want)
		}
	}
}

func TestAllows(t *testing.T) {
	for op, want := range map[string][3]bool{ // for 1, 2 and 3 against 2
		"":   {true, true, true},
		"<<": {true, false, false},
		"<=": {true, true, false},
		"=":  {false, true, false},
		">=": {false, true, true},
		">>": {false, false, true},
	} {
		r := Relation{Name: "a", Op: op, Version: "2"}
		got := [3]bool{r.Allows("1"), r.Allows("2"), r.Allows("3")}
		if got != want {
			t.Errorf("%s allows %v, want %v", r, got, want)
		}
	}
}

// FuzzParseRelations checks that String writes what was parsed.
func FuzzParseRelations(f *testing.F) {
	f.Add("libc6 (>= 2.38), awk:any | gawk (<< 2~)")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := ParseRelations(text)
		if err != nil {
			return
		}
		for _, one := range all {
			again, err := ParseRelations(one.String())
			if err != nil {
				t.Fatalf("parsing %q: %v", one, err)
			}
			if diff := cmp.Diff([]Alternatives{one}, again); diff != "" {
				t.Error(diff)
			}
		}
	})
}

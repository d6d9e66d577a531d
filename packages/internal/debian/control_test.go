package debian

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// readAll reads every paragraph of text.
func readAll(text string) ([]Paragraph, error) {
	r := NewReader(strings.NewReader(text))
	var all []Paragraph
	for {
		p, err := r.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, p)
	}
}

func TestReader(t *testing.T) {
	got, err := readAll("\n\nPackage: a\nDescription: short\n long\n .\n\tmore\n# comment\n\n \nPackage:b\r\nEmpty:")
	if err != nil {
		t.Fatal(err)
	}
	want := []Paragraph{
		{"package": "a", "description": "short\nlong\n.\nmore"},
		{"package": "b", "empty": ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestReaderRefuses(t *testing.T) {
	for text, want := range map[string]string{
		" continued":            "line 1: continuation line before any field",
		"Package: a\nno field":  `line 2: "no field" is not a field`,
		"A: 1\n\nB: 1\nb: 2\n":  `line 4: field "b" occurs twice`,
		": value":               "is not a field",
		"Bad name: value\nA: 1": "is not a field",
	} {
		if _, err := readAll(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("reading %q: %v, want %q", text, err, want)
		}
	}
}

// FuzzReader checks that what is read comes back when it is written.
func FuzzReader(f *testing.F) {
	f.Add("Package: a\nDescription: short\n long\n\nPackage: b\n")
	f.Add("A:\n b\n")
	f.Fuzz(func(t *testing.T, text string) {
		all, err := readAll(text)
		if err != nil {
			return
		}
		var out strings.Builder
		for _, p := range all {
			for name, value := range p {
				lines := strings.Split(value, "\n")
				for i := range lines[1:] {
					if lines[i+1] == "" || lines[i+1][0] == '#' {
						return // an empty continuation line ends a paragraph
					}
				}
				out.WriteString(name + ": " + strings.Join(lines, "\n ") + "\n")
			}
			out.WriteString("\n")
		}
		again, err := readAll(out.String())
		if err != nil {
			t.Fatalf("reading what was written: %v\n%q", err, out.String())
		}
		if diff := cmp.Diff(all, again); diff != "" {
			t.Error(diff)
		}
	})
}

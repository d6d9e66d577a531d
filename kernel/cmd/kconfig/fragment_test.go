package main

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseReadsEveryKindOfValue(t *testing.T) {
	const text = `# Why these are here.

CONFIG_A=y
CONFIG_B=m
# CONFIG_C is not set
CONFIG_D=n
CONFIG_E=-12
CONFIG_F=0x1F
CONFIG_G=""
CONFIG_H="a \"b\" \\ # c=d"
CONFIG_6LOWPAN=y
`
	got, err := parse(strings.NewReader(text), "x.config")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]option{}
	for _, o := range []option{
		{"CONFIG_A", "y", "x.config", 3},
		{"CONFIG_B", "m", "x.config", 4},
		{"CONFIG_C", "n", "x.config", 5},
		{"CONFIG_D", "n", "x.config", 6},
		{"CONFIG_E", "-12", "x.config", 7},
		{"CONFIG_F", "0x1F", "x.config", 8},
		{"CONFIG_G", `""`, "x.config", 9},
		{"CONFIG_H", `"a \"b\" \\ # c=d"`, "x.config", 10},
		{"CONFIG_6LOWPAN", "y", "x.config", 11},
	} {
		want[o.Name] = o
	}
	if diff := cmp.Diff(want, got.options); diff != "" {
		t.Errorf("options (-want +got):\n%s", diff)
	}
}

func TestParseRefusesMalformedLines(t *testing.T) {
	for _, tt := range []struct{ name, line, want string }{
		{"no prefix", "FOO=y", "want \"CONFIG_NAME=value\""},
		{"blank before the sign", "CONFIG_A =y", "want \"CONFIG_NAME=value\""},
		{"trailing blank", "CONFIG_A=y ", "want \"CONFIG_NAME=value\""},
		{"trailing comment", "CONFIG_A=y # why", "want \"CONFIG_NAME=value\""},
		{"no value", "CONFIG_A=", "want \"CONFIG_NAME=value\""},
		{"bare string", "CONFIG_A=slipway", "want \"CONFIG_NAME=value\""},
		{"open string", `CONFIG_A="b`, "want \"CONFIG_NAME=value\""},
		{"carriage return", "CONFIG_A=y\r\r", "want \"CONFIG_NAME=value\""},
		{"commented out", "# CONFIG_A=y", "option in a comment"},
		{"no blank after the hash", "#CONFIG_A is not set", "option in a comment"},
		{"words after", "# CONFIG_A is not set here", "option in a comment"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parse(strings.NewReader("\n"+tt.line+"\n"), "bad.config")
			if err == nil {
				t.Fatalf("parse(%q) accepted the line", tt.line)
			}
			if got := err.Error(); !strings.HasPrefix(got, "bad.config:2: ") || !strings.Contains(got, tt.want) {
				t.Errorf("got error %q, want it to begin with bad.config:2 and to contain %q", got, tt.want)
			}
		})
	}
}

func TestParseReportsAllFaultsAndRepeats(t *testing.T) {
	_, err := parse(strings.NewReader("CONFIG_A=y\noops\n# CONFIG_A is not set\nCONFIG_B\n"), "f")
	if err == nil {
		t.Fatal("parse accepted a broken fragment")
	}
	want := []string{
		`f:2: "oops": ` + errSyntax.Error(),
		"f:3: CONFIG_A is set a second time, first at line 1",
		`f:4: "CONFIG_B": ` + errSyntax.Error(),
	}
	if diff := cmp.Diff(want, strings.Split(err.Error(), "\n")); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}

// FuzzParse holds that whatever is accepted is written back so that it reads
// the same.
func FuzzParse(f *testing.F) {
	f.Add("CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=\"x\\\"\"\n")
	f.Add("# words\n\nCONFIG_D=0x10\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		first, err := parse(strings.NewReader(text), "f")
		if err != nil {
			t.Skip()
		}
		second, err := parse(strings.NewReader(string(first.format())), "f")
		if err != nil {
			t.Fatalf("reading back %q: %v", first.format(), err)
		}
		if diff := cmp.Diff(values(first), values(second)); diff != "" {
			t.Errorf("values changed (-first +second):\n%s", diff)
		}
	})
}

// values drops the places of the options.
func values(f *fragment) map[string]string {
	m := map[string]string{}
	for name, o := range f.options {
		m[name] = o.Value
	}
	return m
}

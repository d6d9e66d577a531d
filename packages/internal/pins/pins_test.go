package pins

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

var (
	sumA = strings.Repeat("a", 64)
	sumB = strings.Repeat("b", 64)
)

const head = `"""What it is."""

load(":pin.bzl", "file", "pin")

SOURCES = {
`

// entry is the text of a pin of the given name and version.
func entry(name, version, sum string) string {
	return `    "` + name + `": pin(
        source = "` + name + `",
        version = "` + version + `",
        debian = "` + version + `-1",
        files = [
            file("pool/main/` + name + `.tar.xz", 12, "` + sum + `"),
        ],
    ),
`
}

// simple is the pin that entry writes.
func simple(name, version, sum string) Pin {
	return Pin{
		Source: name, Version: version, Debian: version + "-1",
		Files: []File{{Path: "pool/main/" + name + ".tar.xz", Size: 12, SHA256: sum}},
	}
}

func parse(t *testing.T, text string) *Table {
	t.Helper()
	table, err := Parse("sources.bzl", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestSet(t *testing.T) {
	before := head + "    # Why this one is here.\n" + entry("b", "1", sumA) + entry("d", "1", sumA) + "}\n"
	for _, tt := range []struct {
		name, key string
		pin       Pin
		want      string
	}{
		{"first", "a", simple("a", "1", sumB),
			head + entry("a", "1", sumB) + "    # Why this one is here.\n" + entry("b", "1", sumA) + entry("d", "1", sumA) + "}\n"},
		{"between", "c", simple("c", "1", sumB),
			head + "    # Why this one is here.\n" + entry("b", "1", sumA) + entry("c", "1", sumB) + entry("d", "1", sumA) + "}\n"},
		{"last", "e", simple("e", "1", sumB),
			head + "    # Why this one is here.\n" + entry("b", "1", sumA) + entry("d", "1", sumA) + entry("e", "1", sumB) + "}\n"},
		{"in the place of another", "b", simple("b", "2", sumB),
			head + "    # Why this one is here.\n" + entry("b", "2", sumB) + entry("d", "1", sumA) + "}\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			table := parse(t, before)
			table.Set(tt.key, tt.pin)
			if diff := cmp.Diff(tt.want, string(table.Format())); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSetInAnEmptyTable(t *testing.T) {
	table := parse(t, "SOURCES = {}\n")
	table.Set("a", simple("a", "1", sumA))
	if diff := cmp.Diff("SOURCES = {\n"+entry("a", "1", sumA)+"}\n", string(table.Format())); diff != "" {
		t.Error(diff)
	}
}

func TestParseReadsWhatFormatWrites(t *testing.T) {
	want := simple("a", "1", sumA)
	want.DebianFiles = []File{{Path: "pool/main/a.debian.tar.xz", Size: 3, SHA256: sumB}}
	want.URLs = []string{"https://example.org/a.tar.xz"}
	table := parse(t, head+"}\n")
	table.Set("a", want)
	again := parse(t, string(table.Format()))
	if diff := cmp.Diff(map[string]Pin{"a": want}, again.Pins); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"SOURCES = {":                                         "parsing table of pins",
		"OTHER = {}":                                          "there is no SOURCES",
		"SOURCES = []":                                        "SOURCES is not a dictionary",
		"SOURCES = {1: pin()}":                                "sources.bzl:1: key: 1 is not a string",
		"\nSOURCES = {\n  \"a\": struct()}":                   `sources.bzl:3: pin "a": struct() is not a call of pin()`,
		`SOURCES = {"a": pin("x")}`:                           "is not a keyword argument",
		`SOURCES = {"a": pin(size = 1)}`:                      `there is no argument "size"`,
		`SOURCES = {"a": pin(version = 1)}`:                   `argument "version": 1 is not a string`,
		`SOURCES = {"a": pin(files = "f")}`:                   "is not a list",
		`SOURCES = {"a": pin(files = [1])}`:                   "is not a call of file()",
		`SOURCES = {"a": pin(files = [file("f")])}`:           "file() has 1 arguments",
		`SOURCES = {"a": pin(files = [file("f", -1, "")])}`:   "-1 is not a size",
		`SOURCES = {"a": pin(files = [file("f", 1, "abc")])}`: "is not a SHA-256 sum",
	} {
		if _, err := Parse("sources.bzl", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%q): %v, want %q", text, err, want)
		}
	}
}

func TestFromSource(t *testing.T) {
	files := func(names ...string) []File {
		var all []File
		for _, name := range names {
			all = append(all, File{Path: "pool/main/" + name, SHA256: sumA})
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		source debian.Source
		want   Pin
	}{
		{"quilt with a component", debian.Source{Name: "s", Version: "1:1.0+dfsg-2", Files: files(
			"s_1.0+dfsg-2.dsc", "s_1.0+dfsg.orig-extra.tar.gz", "s_1.0+dfsg.orig.tar.gz", "s_1.0+dfsg.orig.tar.gz.asc", "s_1.0+dfsg-2.debian.tar.xz")},
			Pin{Source: "s", Version: "1.0", Debian: "1:1.0+dfsg-2",
				Files:       files("s_1.0+dfsg.orig.tar.gz", "s_1.0+dfsg.orig-extra.tar.gz"),
				DebianFiles: files("s_1.0+dfsg-2.debian.tar.xz")}},
		{"native", debian.Source{Name: "n", Version: "20260101", Files: files("n_20260101.dsc", "n_20260101.tar.xz")},
			Pin{Source: "n", Version: "20260101", Debian: "20260101", Files: files("n_20260101.tar.xz")}},
		{"format 1.0", debian.Source{Name: "o", Version: "2-1", Files: files("o_2-1.diff.gz", "o_2.orig.tar.gz")},
			Pin{Source: "o", Version: "2", Debian: "2-1", Files: files("o_2.orig.tar.gz"), DebianFiles: files("o_2-1.diff.gz")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FromSource(tt.source)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
	if _, err := FromSource(debian.Source{Name: "e", Version: "1", Files: files("e_1.dsc")}); err == nil {
		t.Error("a source without a tarball should be refused")
	}
}

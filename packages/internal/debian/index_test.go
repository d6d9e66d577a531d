package debian

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	sumA = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	sumB = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func TestParseRelease(t *testing.T) {
	got, err := ParseRelease(strings.NewReader("Codename: trixie\n" +
		"Date: Sat, 12 Sep 2026 07:55:41 UTC\nValid-Until: Sat, 19 Sep 2026 07:55:41 +0000\n" +
		"SHA256:\n " + sumA + "  12 main/source/Sources.xz\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := Release{
		Codename:   "trixie",
		Date:       time.Date(2026, 9, 12, 7, 55, 41, 0, time.UTC),
		ValidUntil: time.Date(2026, 9, 19, 7, 55, 41, 0, time.UTC),
		Files:      map[string]File{"main/source/Sources.xz": {"main/source/Sources.xz", 12, sumA}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParsePackages(t *testing.T) {
	got, err := ParsePackages(strings.NewReader("Package: a\nVersion: 1-1\nArchitecture: amd64\n" +
		"Priority: optional\nPre-Depends: b\nDepends: c (>= 2)\nProvides: v (= 1), w\nBreaks: x\n" +
		"Filename: pool/main/a/a_1-1_amd64.deb\nSize: 3\nSHA256: " + sumA + "\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Binary{{
		Name: "a", Version: "1-1", Architecture: "amd64", Priority: "optional",
		Depends:   []Alternatives{{{Name: "b"}}, {{Name: "c", Op: ">=", Version: "2"}}},
		Provides:  []Relation{{Name: "v", Op: "=", Version: "1"}, {Name: "w"}},
		Conflicts: []Alternatives{{{Name: "x"}}},
		File:      File{"pool/main/a/a_1-1_amd64.deb", 3, sumA},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseSources(t *testing.T) {
	got, err := ParseSources(strings.NewReader(
		"Package: a\nVersion: 0-1\nExtra-Source-Only: yes\nDirectory: pool/a\nChecksums-Sha256:\n " + sumA + " 1 a_0.tar.xz\n\n" +
			"Package: a\nVersion: 1-1\nDirectory: pool/a\nChecksums-Sha256:\n " + sumB + " 2 a_1.tar.xz\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Source{{Name: "a", Version: "1-1", Files: []File{{"pool/a/a_1.tar.xz", 2, sumB}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestIndexesRefuse(t *testing.T) {
	for _, tt := range []struct{ filename, size, sum, want string }{
		{"../a.deb", "1", sumA, "not a path below"},
		{"/a.deb", "1", sumA, "not a path below"},
		{"pool//a.deb", "1", sumA, "not a path below"},
		{"", "1", sumA, "not a path below"},
		{"a.deb", "-1", sumA, "not a size"},
		{"a.deb", "1", "ABC", "not a SHA-256 sum"},
	} {
		text := "Package: a\nFilename: " + tt.filename + "\nSize: " + tt.size + "\nSHA256: " + tt.sum + "\n"
		_, err := ParsePackages(strings.NewReader(text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("ParsePackages(%q): %v, want %q", text, err, tt.want)
		}
	}
}

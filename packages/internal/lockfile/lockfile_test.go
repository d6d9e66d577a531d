package lockfile

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func sample() Lock {
	return Lock{
		Architecture: "amd64",
		Suites:       []Suite{{Name: "trixie", Date: time.Date(2026, 9, 12, 7, 55, 41, 0, time.UTC)}},
		Packages: []Package{
			{Name: "b", Version: "1:2-3", Architecture: "all", Path: "pool/main/b/b_2-3_all.deb", Size: 5, SHA256: strings.Repeat("b", 64)},
			{Name: "a", Version: "1", Architecture: "amd64", Path: "pool/main/a/a_1_amd64.deb", Size: 7, SHA256: strings.Repeat("a", 64)},
		},
	}
}

const golden = `{
  "architecture": "amd64",
  "suites": [
    {"name":"trixie","date":"2026-09-12T07:55:41Z"}
  ],
  "packages": [
    {"name":"a","version":"1","architecture":"amd64","path":"pool/main/a/a_1_amd64.deb","size":7,"sha256":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"},
    {"name":"b","version":"1:2-3","architecture":"all","path":"pool/main/b/b_2-3_all.deb","size":5,"sha256":"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"}
  ]
}
`

func TestFormatAndParse(t *testing.T) {
	text, err := sample().Format()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(golden, string(text)); diff != "" {
		t.Fatal(diff)
	}
	got, err := Parse(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	want := sample()
	slices.Reverse(want.Packages)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`{`:                   "unexpected EOF",
		`{"packages": []}`:    "names no package",
		`{"package": []}`:     "unknown field",
		`{"packages": "x"}`:   "cannot unmarshal",
		`{"architecture":""}`: "names no package",
	} {
		if _, err := Parse(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Parse(%s): %v, want %q", text, err, want)
		}
	}
}

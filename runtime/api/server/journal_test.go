package server

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestJournalArgs(t *testing.T) {
	common := []string{"--output=json", "--no-pager", "--quiet"}
	for _, tc := range []struct {
		query string
		want  []string
		key   string // to blame, "" if the query is valid
	}{
		{query: "", want: []string{"--boot=0"}},
		{query: "boot=0&follow=false", want: []string{"--boot=0"}},
		{query: "boot=-0", want: []string{"--boot=0"}},
		{query: "boot=0123456789abcdef0123456789abcdef", want: []string{"--boot=0123456789abcdef0123456789abcdef"}},
		{query: "lines=10&follow=1", want: []string{"--boot=0", "--lines=10", "--follow"}},
		{query: "follow=true", want: []string{"--boot=0", "--no-tail", "--follow"}},
		{query: "boot=all", key: "boot"},
		{query: "boot=--vacuum-time=1", key: "boot"},
		{query: "boot=-99999", key: "boot"},
		{query: "boot=0&boot=-1", key: "boot"},
		{query: "follow=maybe", key: "follow"},
		{query: "lines=-1", key: "lines"},
		{query: "lines=many", key: "lines"},
		{query: "grep=x", key: "grep"},
	} {
		values, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parseJournalQuery(values)
		if tc.key != "" {
			if err == nil || !strings.HasPrefix(err.Error(), "Bad Request: "+tc.key+": ") {
				t.Errorf("%q: %v, want a problem with %s", tc.query, err, tc.key)
			}
			continue
		}
		if d := cmp.Diff(slices.Concat(common, tc.want), q.args()); d != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", tc.query, err, d)
		}
	}
}

// FuzzJournalArgs: whatever the query, every argument is an option of ours.
func FuzzJournalArgs(f *testing.F) {
	f.Add("boot=0&follow=true&lines=3")
	f.Add("boot=-1%20--rotate")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q, err := parseJournalQuery(values)
		if err != nil {
			return
		}
		for _, a := range q.args() {
			name, value, _ := strings.Cut(a, "=")
			if !slices.Contains([]string{"--output", "--no-pager", "--quiet", "--boot", "--lines", "--no-tail", "--follow"}, name) ||
				strings.Trim(value, "-0123456789abcdefjson") != "" {
				t.Errorf("%q gives %q", query, a)
			}
		}
	})
}

func TestLimited(t *testing.T) {
	var l limited
	for range 3 {
		if n, err := l.Write(make([]byte, maxStderr/2+1)); n != maxStderr/2+1 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if l.Len() != maxStderr {
		t.Errorf("kept %d bytes, want %d", l.Len(), maxStderr)
	}
}

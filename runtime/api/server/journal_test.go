package server

import (
	"net/url"
	"regexp"
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
		{query: "unit=chronyd.service,a@b.service", want: []string{"--boot=0", "--unit=chronyd.service", "--unit=a@b.service"}},
		{query: "priority=err&kernel=true", want: []string{"--boot=0", "--priority=err", "--dmesg"}},
		{query: "since=1h30m&until=2026-03-01T11:00:00.5Z", want: []string{"--boot=0", "--since=@1772361000.000000", "--until=@1772362800.500000"}},
		{query: "unit=-x", key: "unit"},
		{query: "unit=*", key: "unit"},
		{query: "unit=", key: "unit"},
		{query: "unit=" + strings.Repeat("a,", maxUnits) + "a", key: "unit"},
		{query: "priority=8", key: "priority"},
		{query: "since=yesterday", key: "since"},
		{query: "until=-1h", key: "until"},
		{query: "kernel=x", key: "kernel"},
		{query: "follow=maybe", key: "follow"},
		{query: "lines=-1", key: "lines"},
		{query: "lines=many", key: "lines"},
	} {
		values, err := url.ParseQuery(tc.query)
		if err != nil {
			t.Fatal(err)
		}
		q, err := parseJournalQuery(values, start)
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
	f.Add("unit=a.service,--vacuum-size=1&priority=3&since=1h&until=2026-01-01T00:00:00Z&kernel=1")
	f.Fuzz(func(t *testing.T, query string) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		q, err := parseJournalQuery(values, start)
		if err != nil {
			return
		}
		for _, a := range q.args() {
			name, value, _ := strings.Cut(a, "=")
			form, known := forms[name]
			if !known || !form.MatchString(value) {
				t.Errorf("%q gives %q", query, a)
			}
		}
	})
}

// forms are what the arguments of journalctl may look like.
var forms = map[string]*regexp.Regexp{
	"--output":   regexp.MustCompile(`^json$`),
	"--no-pager": regexp.MustCompile(`^$`),
	"--quiet":    regexp.MustCompile(`^$`),
	"--no-tail":  regexp.MustCompile(`^$`),
	"--follow":   regexp.MustCompile(`^$`),
	"--dmesg":    regexp.MustCompile(`^$`),
	"--boot":     regexp.MustCompile(`^(0|-[0-9]{1,4}|[0-9a-f]{32})$`),
	"--lines":    regexp.MustCompile(`^[0-9]{1,7}$`),
	"--unit":     regexp.MustCompile(`^[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*$`),
	"--priority": regexp.MustCompile(`^([0-7]|[a-z]+)$`),
	"--since":    regexp.MustCompile(`^@[0-9]+\.[0-9]{6}$`),
	"--until":    regexp.MustCompile(`^@[0-9]+\.[0-9]{6}$`),
}

func TestFirstBytes(t *testing.T) {
	var l firstBytes
	for range 3 {
		if n, err := l.Write(make([]byte, maxStderr/2+1)); n != maxStderr/2+1 || err != nil {
			t.Fatalf("Write = %d, %v", n, err)
		}
	}
	if l.Len() != maxStderr {
		t.Errorf("kept %d bytes, want %d", l.Len(), maxStderr)
	}
}

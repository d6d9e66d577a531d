package settings

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseKey(t *testing.T) {
	for _, tt := range []struct {
		in   string
		want Key
		text string // "" for the same as in
	}{
		{in: "motd", want: Key{"motd"}},
		{in: "ntp.time-servers", want: Key{"ntp", "time-servers"}},
		{in: "settings.ntp.time-servers", want: Key{"ntp", "time-servers"}, text: "ntp.time-servers"},
		{in: "settings", want: Key{"settings"}},
		{in: "settings.settings.x", want: Key{"settings", "x"}},
		{in: `"settings".x`, want: Key{"settings", "x"}, text: "settings.settings.x"},
		{in: `kernel.sysctl."net.ipv4.ip_forward"`, want: Key{"kernel", "sysctl", "net.ipv4.ip_forward"}},
		{in: `a."b"`, want: Key{"a", "b"}, text: "a.b"},
		{in: `a."b\"c\\d"`, want: Key{"a", `b"c\d`}},
		{in: `"ä"`, want: Key{"ä"}},
	} {
		got, err := ParseKey(tt.in)
		if err != nil {
			t.Errorf("ParseKey(%q): %v", tt.in, err)
			continue
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("ParseKey(%q) (-want +got):\n%s", tt.in, diff)
		}
		if tt.text == "" {
			tt.text = tt.in
		}
		if got.String() != tt.text {
			t.Errorf("ParseKey(%q).String() = %q, want %q", tt.in, got, tt.text)
		}
	}
}

func TestParseKeyRefuses(t *testing.T) {
	for in, want := range map[string]string{
		"":                             "a segment is empty",
		".":                            "a segment is empty",
		"a.":                           "a segment is empty",
		"a..b":                         "a segment is empty",
		`a.""`:                         "a segment is empty",
		"a b":                          "need double quotes",
		"a[0]":                         "need double quotes",
		`a."b`:                         "is not closed",
		`a."b"c`:                       "want a dot",
		`a."b\n"`:                      "backslash",
		`a."b\`:                        "backslash",
		"\xff":                         "not UTF-8",
		strings.Repeat("a", MaxKey+1):  "more than 512",
		strings.Repeat("a.", 40) + "a": "more than 32",
	} {
		if _, err := ParseKey(in); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseKey(%q) = %v, want an error with %q", in, err, want)
		}
	}
}

func TestHasPrefix(t *testing.T) {
	k := Key{"ntp", "time-servers"}
	for _, tt := range []struct {
		prefix Key
		want   bool
	}{
		{Key{}, true}, {Key{"ntp"}, true}, {k, true},
		{Key{"nt"}, false}, {Key{"ntp", "time"}, false}, {Key{"ntp", "time-servers", "x"}, false},
	} {
		if got := k.HasPrefix(tt.prefix); got != tt.want {
			t.Errorf("HasPrefix(%v) = %v, want %v", tt.prefix, got, tt.want)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	for _, seed := range []string{"ntp.time-servers", `kernel.sysctl."net.ipv4"`, `"\\\""."settings"`, "settings.settings", "..", `a."`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := ParseKey(s)
		if err != nil {
			return
		}
		again, err := ParseKey(k.String())
		if len(k.String()) > MaxKey {
			return // the prefix or quotes made it longer than what is read
		}
		if err != nil || !slices.Equal(k, again) {
			t.Errorf("%q is %q, whose text %q is %q: %v", s, []string(k), k.String(), []string(again), err)
		}
		Base().Find(k)
		Base().Complete(s)
	})
}

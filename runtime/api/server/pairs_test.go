package server

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
)

func TestListParam(t *testing.T) {
	for text, want := range map[string][]string{
		"a":             {"a"},
		"a,b.c":         {"a", "b.c"},
		`a."x,y",b`:     {`a."x,y"`, "b"},
		`a."x\",y",b`:   {`a."x\",y"`, "b"},
		"":              nil,
		"a,":            nil,
		",":             nil,
		`unclosed"quot`: {`unclosed"quot`},
	} {
		r := httptest.NewRequest("GET", "/?keys="+url.QueryEscape(text), nil)
		got, err := listParam(r, "keys")
		if d := cmp.Diff(want, got); d != "" || (err != nil) != (want == nil) {
			t.Errorf("%q: %v (-want +got):\n%s", text, err, d)
		}
	}
}

// FuzzPairs: whatever is set, what comes of it is what the schema takes.
func FuzzPairs(f *testing.F) {
	for _, seed := range []string{
		"motd=hi", `motd="hi"`, "settings.motd=42", `kernel.sysctl."a.b"=1`, `ntp.time-servers=["a"]`, "api.virtio-serial=true",
		"=", "motd", `"=x`, "host-containers.admin={}", "motd=\xff",
	} {
		f.Add(seed)
	}
	schema := settings.Base()
	f.Fuzz(func(t *testing.T, pair string) {
		values, err := parsePairs(schema, []string{pair})
		if err != nil {
			if len(mistakesIn(err)) == 0 {
				t.Errorf("%q: %v names no mistake", pair, err)
			}
			return
		}
		back, err := schema.Flatten(schema.Nest(values))
		if d := cmp.Diff(values, back); d != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", pair, err, d)
		}
	})
}

// FuzzPatch: a body is staged as a whole or refused with a 4xx.
func FuzzPatch(f *testing.F) {
	for _, seed := range []string{
		`{"motd": "hi"}`, `{"ntp": {"time-servers": ["a"]}}`, `{}`, `[]`, `{"motd": 1}`, `{"x": {}}`, `{"motd": "a", "motd": "b"}`, "\x00", `{"a":`,
		strings.Repeat("[", 100), `{"kernel": {"sysctl": {"a.b": "1"}}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, s := newCaller(t)
		w := c.do("PATCH", "/settings", body)
		pending := len(s.Manager.Store.Transactions())
		switch {
		case w.Code == 204:
		case w.Code >= 400 && w.Code < 500 && pending == 0:
		default:
			t.Errorf("%q: status %d %s, %d transactions", body, w.Code, w.Body, pending)
		}
	})
}

package mirror

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindPrefersTheEnvironment(t *testing.T) {
	got, err := Find(t.Context(), func(string) string { return " http://a.example/debian/  http://b.example/d http://a.example/debian" })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(List{"http://a.example/debian", "http://b.example/d"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestParseTargets(t *testing.T) {
	got := parseTargets([]byte("http://a.example/debian/ main\n" +
		"http://a.example/debian/ contrib\ncdrom:/x main\n" +
		"http://a.example/debian-security/ main\nhttp://a.example/debian/ main\n"))
	if diff := cmp.Diff(List{"http://a.example/debian", "http://a.example/debian-security"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestURLs(t *testing.T) {
	const snapshot = "https://s.example/archive/debian/20260101T000000Z"
	for _, tt := range []struct {
		name  string
		roots List
		path  string
		want  []string
	}{
		{"main pool", List{"http://a.example/debian", "http://a.example/debian-security"}, "pool/main/z/z.deb",
			[]string{"http://a.example/debian/pool/main/z/z.deb"}},
		{"security pool", List{"http://a.example/debian", "http://a.example/debian-security"}, "pool/updates/main/z/z.deb",
			[]string{"http://a.example/debian-security/pool/updates/main/z/z.deb", "http://a.example/debian/pool/main/z/z.deb"}},
		{"security index", List{"http://a.example/debian"}, "dists/trixie-security/InRelease",
			[]string{"http://a.example/debian-security/dists/trixie-security/InRelease"}},
		{"main index", List{"http://a.example/debian"}, "dists/trixie-updates/InRelease",
			[]string{"http://a.example/debian/dists/trixie-updates/InRelease"}},
		{"snapshot", List{snapshot}, "pool/updates/main/z/z.deb",
			[]string{"https://s.example/archive/debian-security/20260101T000000Z/pool/updates/main/z/z.deb", snapshot + "/pool/main/z/z.deb"}},
		{"host called debian", List{"http://debian"}, "dists/trixie-security/InRelease",
			[]string{"http://debian/dists/trixie-security/InRelease"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, tt.roots.URLs(tt.path)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

package debian

import (
	"cmp"
	"testing"
)

func TestCompareVersions(t *testing.T) {
	// Each as dpkg --compare-versions orders them.
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"1.0", "1.0", 0},
		{"1.0", "1.0-0", 0},
		{"0:1.0", "1.0", 0},
		{"1.00", "1.0", 0},
		{"1.2", "1.10", -1},
		{"1.0~rc1", "1.0", -1},
		{"1.0~~", "1.0~", -1},
		{"1.0~rc1-1", "1.0~rc1-2", -1},
		{"1:0.1", "9.9", 1},
		{"1.0+b1", "1.0", 1},
		{"1.0a", "1.0+", -1},
		{"1.0-1", "1.0-1+deb13u1", -1},
		{"1.0-1~deb13u1", "1.0-1", -1},
		{"2.41-12", "2.41-9", 1},
		{"10.46-1~deb13u3", "10.46-1~deb13u10", -1},
		{"1-2-3", "1-2-4", -1},
		{"99999999999999999999", "100000000000000000000", -1},
	} {
		if got := cmp.Compare(CompareVersions(tt.a, tt.b), 0); got != tt.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
		if got := cmp.Compare(CompareVersions(tt.b, tt.a), 0); got != -tt.want {
			t.Errorf("CompareVersions(%q, %q) = %d, want %d", tt.b, tt.a, got, -tt.want)
		}
	}
}

func TestUpstreamVersion(t *testing.T) {
	for version, want := range map[string]string{
		"1:1.3.dfsg+really1.3.1-1+deb13u1": "1.3.1",
		"257.13-1~deb13u1":                 "257.13",
		"20250419+deb13u1":                 "20250419",
		"2026f-0+deb13u1":                  "2026f",
		"1.5.7+dfsg-1":                     "1.5.7",
		"10.46-1~deb13u3":                  "10.46",
		"3.5.0+ds1-0+deb13u1":              "3.5.0",
		"6.12.117-1":                       "6.12.117",
		"2.0~rc1-1":                        "2.0~rc1",
	} {
		if got := UpstreamVersion(version); got != want {
			t.Errorf("UpstreamVersion(%q) = %q, want %q", version, got, want)
		}
	}
}

// FuzzCompareVersions checks that the order is one.
func FuzzCompareVersions(f *testing.F) {
	f.Add("1:2.3~rc1-4", "2.3-4+b1", "2.3")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		ab, ba := CompareVersions(a, b), CompareVersions(b, a)
		if cmp.Compare(ab, 0) != -cmp.Compare(ba, 0) {
			t.Errorf("%q, %q: %d one way, %d the other", a, b, ab, ba)
		}
		if ab <= 0 && CompareVersions(b, c) <= 0 && CompareVersions(a, c) > 0 {
			t.Errorf("%q <= %q <= %q, but not the first to the last", a, b, c)
		}
	})
}

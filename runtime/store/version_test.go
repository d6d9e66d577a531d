package store

import "testing"

func TestCompareVersions(t *testing.T) {
	ordered := []string{
		"0.1.0-alpha", "0.1.0-alpha.1", "0.1.0-alpha.beta", "0.1.0-beta.2", "0.1.0-beta.11",
		"0.1.0", "0.1.0.1", "0.2.0", "0.10.0", "1.0.0-dev", "1.0.0", "2026.09.1", "2026.11.28",
		"99999999999999999999999.0",
	}
	for i, a := range ordered {
		for j, b := range ordered {
			want := 0
			if i < j {
				want = -1
			} else if i > j {
				want = 1
			}
			if got := compareVersions(a, b); got != want {
				t.Errorf("%s and %s: %d, want %d", a, b, got, want)
			}
		}
	}
	if got := compareVersions("1.0.0+a", "1.0.00+b"); got != 0 {
		t.Errorf("what follows a plus sign counts: %d", got)
	}
}

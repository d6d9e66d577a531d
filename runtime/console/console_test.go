package console

import (
	"bytes"
	"testing"
)

func TestPrintf(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"ready variant=base", "slipway: ready variant=base\n"},
		{"two\nlines", `slipway: two\nlines` + "\n"},
		{"\x1b[2Jgone\x7f\u009b", "slipway: ?[2Jgone??\n"},
		{"broken \xff utf-8", "slipway: broken ? utf-8\n"},
		{"größer", "slipway: größer\n"},
	} {
		var b bytes.Buffer
		Printf(&b, "%s", tc.in)
		if got := b.String(); got != tc.want {
			t.Errorf("Printf(%q) = %q, want %q", tc.in, got, tc.want)
		}
	}
}

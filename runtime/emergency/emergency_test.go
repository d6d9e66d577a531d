package emergency

import (
	"context"
	"errors"
	"testing"

	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

func TestReason(t *testing.T) {
	m := &systemdtest.Manager{}
	expect := func(want string) {
		t.Helper()
		if got := reason(context.Background(), m.Dial); got != want {
			t.Errorf("reason: %q, want %q", got, want)
		}
	}
	expect("no unit has failed")
	m.SetFailed("var.mount", "a.service")
	expect("failed: a.service (the unit a.service), var.mount (the unit var.mount)")
	m.Fail(errors.New("systemd does not answer"))
	expect("systemd does not answer")
}

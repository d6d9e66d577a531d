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
	expect("somebody asked for it")

	// STATE's device did not appear; what lies on it could not be mounted.
	m.SetNeeds(root, "tmp.mount", "var.mount", "opt.mount")
	m.SetNeeds("opt.mount", "var.mount", "-.mount")
	m.SetNeeds("var.mount", "fsck.service", "state.device")
	m.SetNeeds("fsck.service", "state.device")
	m.SetState("tmp.mount", "active")
	m.SetState("-.mount", "active")
	expect("missing: state.device")

	m.SetState("state.device", "active")
	m.SetState("fsck.service", "failed")
	m.SetFailed("fsck.service", "a.service")
	expect("failed: a.service, fsck.service")

	m.Fail(errors.New("systemd does not answer"))
	expect("systemd does not answer")
}

func TestMissingEndsInACycle(t *testing.T) {
	m := &systemdtest.Manager{}
	m.SetNeeds(root, "a.mount")
	m.SetNeeds("a.mount", "b.mount")
	m.SetNeeds("b.mount", "a.mount", root)
	got, err := missing(context.Background(), m)
	if len(got) != 0 || err != nil {
		t.Errorf("missing = %q, %v; want nothing", got, err)
	}
}

package accel

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// fakeQEMU selects what this test binary does in QEMU's place.
const fakeQEMU = "SLIPWAY_FAKE_QEMU"

func TestMain(m *testing.M) {
	switch os.Getenv(fakeQEMU) {
	case "":
		os.Exit(m.Run())
	case "works":
		fmt.Print("\x1b[2J")
		time.Sleep(time.Minute) // a real one goes on, too
	case "internal error":
		fmt.Fprintln(os.Stderr, "KVM internal error. Suberror: 1")
		time.Sleep(time.Minute)
	case "silent":
		time.Sleep(time.Minute)
	case "refuses":
		fmt.Fprintln(os.Stderr, "Could not access KVM kernel module: Permission denied\nfailed to initialize kvm")
		os.Exit(1)
	case "dies":
		os.Exit(1)
	}
	os.Exit(0)
}

func newProber(t *testing.T) Prober {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	device := filepath.Join(t.TempDir(), "kvm")
	if err := os.WriteFile(device, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(Env, "")
	return Prober{QEMU: self, Code: "code", Vars: "vars", Device: device, Wait: 500 * time.Millisecond}
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		fake, want, reason string
	}{
		{"works", KVM, "a guest started within"},
		{"internal error", TCG, "KVM does not work here: KVM internal error. Suberror: 1"},
		{"silent", TCG, "KVM does not work here: no sign of life from the firmware in 500ms"},
		{"refuses", TCG, "KVM does not work here: Could not access KVM kernel module: Permission denied"},
		{"dies", TCG, "KVM does not work here: QEMU ended at once"},
	} {
		t.Run(tc.fake, func(t *testing.T) {
			p := newProber(t)
			if tc.fake != "silent" {
				p.Wait = 20 * time.Second
			}
			t.Setenv(fakeQEMU, tc.fake)
			got, err := p.Choose(t.Context())
			if err != nil || got.Name != tc.want || !strings.HasPrefix(got.Reason, tc.reason) {
				t.Errorf("Choose: %v, %v; want %s (%s…)", got, err, tc.want, tc.reason)
			}
		})
	}
}

func TestChooseWithoutTrying(t *testing.T) {
	p := newProber(t)
	p.QEMU = "/nonexistent"
	p.Device = "/nonexistent/kvm"
	if got, err := p.Choose(t.Context()); err != nil || got.String() != "tcg (no /nonexistent/kvm)" {
		t.Errorf("without a device: %v, %v", got, err)
	}
	t.Setenv(Env, "kvm")
	if got, err := p.Choose(t.Context()); err != nil || got.Name != KVM {
		t.Errorf("told to use KVM: %v, %v", got, err)
	}
	t.Setenv(Env, "xen")
	if _, err := p.Choose(t.Context()); err == nil || !strings.Contains(err.Error(), `SLIPWAY_ACCEL is "xen"`) {
		t.Errorf("told nonsense: %v", err)
	}
}

func TestChooseEndsWithContext(t *testing.T) {
	p := newProber(t)
	p.Wait = time.Minute
	t.Setenv(fakeQEMU, "silent")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	if got, err := p.Choose(ctx); err == nil {
		t.Errorf("Choose under an ended context: %v, want an error", got)
	}
}

func TestPatience(t *testing.T) {
	if got := (Accel{Name: KVM}).Patience(time.Second); got != time.Second {
		t.Errorf("KVM: %v", got)
	}
	if got := (Accel{Name: TCG}).Patience(time.Second); got <= time.Second {
		t.Errorf("TCG: %v, want more than with KVM", got)
	}
}

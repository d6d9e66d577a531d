package machine

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/evidence"
	"github.com/slipway-os/slipway/vmtests/qemu"
	"github.com/slipway-os/slipway/vmtests/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

func newMachine(t *testing.T, does string, o Options) *Machine {
	t.Helper()
	vars := qemutest.Install(t)
	t.Setenv(qemutest.Env, does)
	o.Image = filepath.Join(t.TempDir(), "disk.img")
	if err := os.WriteFile(o.Image, []byte("image"), 0o400); err != nil {
		t.Fatal(err)
	}
	o.Accel = accel.Accel{Name: accel.KVM}
	o.Evidence = evidence.Folder{Dir: t.TempDir()}
	m, err := New(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	m.config.Firmware = qemu.Firmware{Code: "code", Vars: vars}
	t.Cleanup(func() {
		if err := m.Destroy(); err != nil {
			t.Error(err)
		}
	})
	return m
}

// powerOn has the limit of the whole test.
func powerOn(t *testing.T, m *Machine) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	if err := m.PowerOn(ctx); err != nil {
		t.Fatal(err)
	}
	return ctx
}

func TestBoots(t *testing.T) {
	m := newMachine(t, qemutest.Boots, Options{UserData: DoorOpen})
	ctx := powerOn(t, m)
	if h, _, err := m.AwaitAPI(ctx); err != nil || h.Status != api.Good {
		t.Errorf("AwaitAPI: %+v, %v", h, err)
	}
	r, err := m.AwaitReady(ctx)
	if err != nil || r.Variant != "base" || r.Version != "0.1.0" || r.Slot != "A" || r.Boot != 1 || r.After <= 0 {
		t.Errorf("AwaitReady: %+v, %v", r, err)
	}
	if err := m.Reboot(ctx); err != nil {
		t.Fatal(err)
	}
	if r, err := m.AwaitReady(ctx); err != nil || r.Boot != 2 {
		t.Errorf("after a reboot: %+v, %v", r, err)
	}
	m.PowerCut()
	ctx = powerOn(t, m)
	if r, err := m.AwaitReady(ctx); err != nil || r.Boot != 3 {
		t.Errorf("after a power cut: %+v, %v", r, err)
	}
	if err := m.PowerOn(ctx); err == nil {
		t.Error("turned on twice")
	}
}

func TestCollect(t *testing.T) {
	m := newMachine(t, qemutest.Boots, Options{UserData: DoorOpen})
	ctx := powerOn(t, m)
	opened := 0 // first by the firmware
	_, _, err := m.Monitor().Await(ctx, 0, "the open door", func(e qemu.Event) bool {
		if open, ok := e.DoorChange(); ok && open {
			opened++
		}
		return opened == 2
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.AwaitReady(ctx); err != nil {
		t.Fatal(err)
	}
	for name, failed := range map[string]bool{"passed": false, "failed": true} {
		folder, err := evidence.Open(t.TempDir(), name)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Collect(ctx, folder, failed); err != nil {
			t.Error(err)
		}
		if missing := folder.Missing(m.Expects()...); missing != nil {
			t.Errorf("%s: no %q", name, missing)
		}
		if none := folder.Missing("screen.png", "registers.txt") != nil; none == failed {
			t.Errorf("%s: screen and registers are there: %v", name, !none)
		}
	}
	if n := len(m.Expects()); n != 4 {
		t.Errorf("expects %q, want the journal, too", m.Expects())
	}
	m.PowerCut()
	if err := m.Collect(ctx, m.folder, true); err != nil {
		t.Errorf("while off: %v", err)
	}
}

func TestTroubleEndsWaits(t *testing.T) {
	m := newMachine(t, qemutest.Panics, Options{UserData: DoorOpen})
	ctx := powerOn(t, m)
	for name, wait := range map[string]func() error{
		"ready": func() error { _, err := m.AwaitReady(ctx); return err },
		"API":   func() error { _, _, err := m.AwaitAPI(ctx); return err },
		"reset": func() error { return m.AwaitReset(ctx) },
	} {
		err := wait()
		if err == nil || !strings.Contains(err.Error(), "the console shows a kernel panic: Kernel panic - not syncing: no root") {
			t.Errorf("waiting for %s: %v", name, err)
		}
	}
	if got := m.Troubles(); len(got) != 1 {
		t.Errorf("troubles: %v", got)
	}
}

func TestExpectedTroubleDoesNot(t *testing.T) {
	m := newMachine(t, qemutest.Panics, Options{Expected: []console.Trouble{console.Panic}})
	ctx := powerOn(t, m)
	if _, err := m.AwaitLine(ctx, 20*time.Second, console.Panic.Pattern()); err != nil {
		t.Error(err)
	}
	_, err := m.AwaitLine(ctx, 50*time.Millisecond, readyLine)
	for _, want := range []string{"50ms have passed", "Kernel panic", "last happened: ", "API door: shut"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("waiting in vain: %v, want %q in it", err, want)
		}
	}
	if got := m.Troubles(); got != nil {
		t.Errorf("troubles: %v", got)
	}
}

func TestWaitsEndWithQEMU(t *testing.T) {
	m := newMachine(t, qemutest.Hangs, Options{})
	ctx := powerOn(t, m)
	time.AfterFunc(20*time.Millisecond, m.vm.Kill)
	if _, err := m.AwaitReady(ctx); err == nil || !strings.Contains(err.Error(), "QEMU has exited (signal: killed)") {
		t.Errorf("AwaitReady: %v", err)
	}
}

func TestNewFails(t *testing.T) {
	qemutest.Install(t)
	t.Setenv("TMPDIR", t.TempDir())
	_, err := New(t.Context(), Options{Image: "/nonexistent", Evidence: evidence.Folder{Dir: t.TempDir()}})
	if err == nil || !strings.Contains(err.Error(), "making a machine: making a disk: stat /nonexistent") {
		t.Errorf("no image: %v", err)
	}
	if left, _ := os.ReadDir(os.TempDir()); len(left) != 0 {
		t.Errorf("left %v", left)
	}
}

func TestQuote(t *testing.T) {
	if got, want := quote([]string{"qemu", "a b", "it's", "x=1,y"}), `qemu 'a b' 'it'\''s' x=1,y`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

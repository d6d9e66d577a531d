package bootstate

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/store/storetest"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

// entries are images by file name: "version/root hash".
type entries map[string]string

// newCommand is a command on a host that runs version 0.1.0 from slot A, with
// the images of a folder on the real file system.
func newCommand(t *testing.T, list entries) (command, *Manager, *systemdtest.Manager, *bytes.Buffer, *time.Duration) {
	t.Helper()
	h, _ := hosttest.New(t, nil)
	running, _, err := Observe(h)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, image := range list {
		v, hash, _ := strings.Cut(image, "/")
		if err := os.WriteFile(filepath.Join(dir, name), testImage(t, v, hash), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	m := &Manager{
		Record: intent.File{FS: storetest.New(), Dir: "/var/bootstate"}, ESP: esp.Folder{FS: esp.OS, Dir: dir},
		Vars: efivar.FS{Dir: t.TempDir()}, Running: running, Now: time.Now,
	}
	var out bytes.Buffer
	var slept time.Duration
	manager := &systemdtest.Manager{}
	c := command{
		host: h, dial: manager.Dial, sleep: func(d time.Duration) { slept += d }, console: &out, stdout: &out,
		open: func(host.Host) (*Manager, func() error, error) { return m, func() error { return nil }, nil },
	}
	return c, m, manager, &out, &slept
}

func passed(t *testing.T, c command, r health.Report) {
	t.Helper()
	if err := r.Write(c.host.Root); err != nil {
		t.Fatal(err)
	}
}

const (
	mine  = "0.1.0/" + hosttest.RootHash
	other = "0.0.9/1111111111111111111111111111111111111111111111111111111111111111"
)

func TestObserve(t *testing.T) {
	h, _ := hosttest.New(t, nil)
	got, _, err := Observe(h)
	want := Running{intent.Version{Version: "0.1.0", RootHash: hosttest.RootHash, Slot: "A"}, hosttest.BootID}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
}

func TestFreshHostBoots(t *testing.T) {
	c, _, manager, out, _ := newCommand(t, entries{"slipway_0.1.0.efi": mine})
	if err := c.run([]string{"assess"}); err != nil {
		t.Fatal(err)
	}
	if err := c.run([]string{"commit"}); err == nil || !strings.Contains(err.Error(), "have not passed") {
		t.Errorf("commit before the checks: %v", err)
	}
	passed(t, c, health.Report{Good: true})
	for _, verb := range []string{"commit", "guard", "gate", "status"} {
		if err := c.run([]string{verb}); err != nil {
			t.Errorf("%s: %v", verb, err)
		}
	}
	if !strings.HasPrefix(out.String(), "{\n  \"running\"") || len(manager.Started()) != 0 {
		t.Errorf("started %v, said:\n%s", manager.Started(), out)
	}
	r, err := ReadReport(c.host.Root)
	if err != nil || r.State != "committed" || r.Next != "slipway_0.1.0.efi" {
		t.Errorf("report %+v, %v", r, err)
	}
}

// A host without an EFI system partition, or one that cannot be read, boots.
func TestNoPartition(t *testing.T) {
	c, _, _, out, _ := newCommand(t, nil)
	passed(t, c, health.Report{Good: true})
	c.open = func(host.Host) (*Manager, func() error, error) { return nil, nil, esp.ErrNone }
	for _, verb := range []string{"assess", "commit", "guard", "gate"} {
		if err := c.run([]string{verb}); err != nil || out.Len() > 0 {
			t.Errorf("%s: %v, said %s", verb, err, out)
		}
	}
	c.open = func(host.Host) (*Manager, func() error, error) {
		return nil, nil, errors.New("mounting /dev/vda1: I/O error")
	}
	if err := c.run([]string{"assess"}); err != nil || !strings.Contains(out.String(), "slipway: boot state: mounting /dev/vda1: I/O error") {
		t.Errorf("%v, said %s", err, out)
	}
	if r, err := ReadReport(c.host.Root); err != nil || !strings.Contains(r.Error, "I/O error") {
		t.Errorf("report %+v, %v", r, err)
	}
}

// trial makes the running version one on trial, and the record name it.
func trial(t *testing.T, m *Manager, to intent.Version) {
	t.Helper()
	from := intent.Version{Version: "0.0.9", RootHash: strings.Repeat("1", 64), Slot: "B"}
	i := &intent.Intent{To: to, From: from, Entry: "slipway_0.1.0.efi", Phase: intent.Active, Tries: 3}
	if err := m.Record.Write(intent.Record{Intent: i}); err != nil {
		t.Fatal(err)
	}
}

func TestCommit(t *testing.T) {
	c, m, manager, out, _ := newCommand(t, entries{"slipway_0.1.0+2-1.efi": mine, "slipway_0.0.9.efi": other})
	trial(t, m, m.Running.Version)
	passed(t, c, health.Report{Good: true})
	if err := c.run([]string{"commit"}); err != nil {
		t.Fatal(err)
	}
	if want := "slipway: committed version=0.1.0 slot=A\n"; out.String() != want || len(manager.Started()) != 0 {
		t.Errorf("said %q, want %q; started %v", out, want, manager.Started())
	}
	if s, err := m.Inspect(); err != nil || s.Next != "slipway_0.1.0.efi" {
		t.Errorf("%+v, %v", s, err)
	}
}

// A boot that is good, but of something else than what was staged, ends.
func TestCommitOfSomethingElse(t *testing.T) {
	for name, change := range map[string]func(*intent.Version){
		"version": func(v *intent.Version) { v.Version = "0.1.1" },
		"hash":    func(v *intent.Version) { v.RootHash = strings.Repeat("2", 64) },
		"slot":    func(v *intent.Version) { v.Slot = "B" },
	} {
		c, m, manager, _, slept := newCommand(t, entries{"slipway_0.1.0+2-1.efi": mine, "slipway_0.0.9.efi": other})
		to := m.Running.Version
		change(&to)
		from := intent.Version{Version: "0.0.9", RootHash: strings.Repeat("1", 64), Slot: otherSlot(to.Slot)}
		i := &intent.Intent{To: to, From: from, Entry: "slipway_0.1.0.efi", Phase: intent.Active, Tries: 3}
		if err := m.Record.Write(intent.Record{Intent: i}); err != nil {
			t.Fatal(err)
		}
		passed(t, c, health.Report{Good: true})
		if err := c.run([]string{"commit"}); !errors.Is(err, ErrNotMeant) {
			t.Errorf("%s: %v", name, err)
		}
		if d := cmp.Diff([]string{"reboot.target"}, manager.Started()); d != "" || *slept < 40*time.Second {
			t.Errorf("%s: held for %v, started (-want +got):\n%s", name, *slept, d)
		}
		if s, err := m.Inspect(); err != nil || s.State != "trial" {
			t.Errorf("%s: %+v, %v", name, s, err)
		}
	}
}

func TestGate(t *testing.T) {
	bad := &health.Report{Reason: "api: no answer"}
	for _, tc := range []struct {
		name, entry string
		report      *health.Report
		checks      string // state of the boot checks' unit
		reboot      bool
		said        string
	}{
		{"trial", "slipway_0.1.0+2-1.efi", bad, "failed", true, "its boot is not good: api: no answer"},
		{"committed", "slipway_0.1.0.efi", bad, "failed", false, "stays up although its boot is not good: it is committed, or there is no other: api: no answer"},
		{"good", "slipway_0.1.0+2-1.efi", &health.Report{Good: true}, "active", false, ""},
		{"under way", "slipway_0.1.0+2-1.efi", nil, "activating", false, ""},
		{"never began", "slipway_0.1.0+2-1.efi", nil, "inactive", true, "the boot checks did not end, they are inactive; a.service start running"},
	} {
		c, m, manager, out, slept := newCommand(t, entries{tc.entry: mine, "slipway_0.0.9.efi": other})
		trial(t, m, m.Running.Version)
		manager.SetState("slipway-health.service", tc.checks)
		manager.SetJobs("a.service")
		if tc.report != nil {
			passed(t, c, *tc.report)
		}
		if err := c.run([]string{"gate"}); err != nil {
			t.Errorf("%s: %v", tc.name, err)
		}
		if got := len(manager.Started()) > 0; got != tc.reboot || got != (*slept > 0) || !strings.Contains(out.String(), tc.said) || tc.said == "" && out.Len() > 0 {
			t.Errorf("%s: restarted %v, held for %v, said %q", tc.name, got, *slept, out)
		}
		r, _, err := m.Record.Read()
		if err != nil || tc.reboot && (r.Intent.LastError == "" || r.Intent.LastErrorBoot != hosttest.BootID) {
			t.Errorf("%s: record %+v, %v", tc.name, r.Intent, err)
		}
	}
}

func TestGateRecordsAnEmergency(t *testing.T) {
	c, m, manager, _, _ := newCommand(t, entries{"slipway_0.1.0+2-1.efi": mine, "slipway_0.0.9.efi": other})
	trial(t, m, m.Running.Version)
	if err := c.run([]string{"gate", "--record"}); err != nil || len(manager.Started()) != 0 {
		t.Errorf("%v, started %v", err, manager.Started())
	}
	if r, _, err := m.Record.Read(); err != nil || r.Intent.LastError != "the boot stopped for good" {
		t.Errorf("%+v, %v", r.Intent, err)
	}
}

func TestAssessSaysWhy(t *testing.T) {
	c, m, manager, out, _ := newCommand(t, entries{"slipway_0.1.0.efi": mine, "slipway_0.2.0_22222222+0-3.efi": "0.2.0/" + strings.Repeat("2", 64)})
	to := intent.Version{Version: "0.2.0", RootHash: strings.Repeat("2", 64), Slot: "B"}
	i := &intent.Intent{To: to, From: m.Running.Version, Entry: "slipway_0.2.0_22222222.efi", Phase: intent.Active, Tries: 3, LastError: "api: no answer", LastErrorBoot: "b3"}
	if err := m.Record.Write(intent.Record{Intent: i}); err != nil {
		t.Fatal(err)
	}
	if err := c.run([]string{"assess"}); err != nil {
		t.Fatal(err)
	}
	const want = "version 0.2.0 failed: tried 3 times; boot b3: api: no answer"
	if out.String() != "slipway: fell back: "+want+"\n" || len(manager.Started()) > 0 {
		t.Errorf("said %q", out)
	}
	if r, err := ReadReport(c.host.Root); err != nil || r.Fallback != want || len(r.Failed) != 1 {
		t.Errorf("report %+v, %v", r, err)
	}
}

func TestUsage(t *testing.T) {
	c, _, _, _, _ := newCommand(t, nil)
	for _, args := range [][]string{nil, {"x"}, {"gate", "now"}} {
		if err := c.run(args); !errors.Is(err, multicall.ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
	}
}

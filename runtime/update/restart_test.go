package update_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/store/storetest"
	"github.com/slipway-os/slipway/runtime/update"
	"github.com/slipway-os/slipway/tuf-repo/repotest"
)

// TestRestartAfterEveryStep restarts the updater after each command.
func TestRestartAfterEveryStep(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	for _, step := range []struct {
		do   func() error
		want api.UpdateState
		kind string
	}{
		{func() error { return h.updater.Refresh() }, api.UpdateAvailable, "refresh"},
		{func() error { return h.updater.Prepare() }, api.UpdateStaged, "prepare"},
		{func() error { return h.updater.Refresh() }, api.UpdateStaged, "refresh"},
		{func() error { return h.updater.Activate() }, api.UpdateReady, "activate"},
		{func() error { return h.updater.Deactivate() }, api.UpdateStaged, "deactivate"},
		{func() error { return h.updater.Cancel() }, api.UpdateAvailable, "cancel"},
		{func() error { return h.updater.Prepare() }, api.UpdateStaged, "prepare"},
		{func() error { return h.updater.Activate() }, api.UpdateReady, "activate"},
	} {
		h.ok(step.do)
		before := h.want(step.want)
		h.restart()
		after := h.want(step.want)
		if c := after.MostRecentCommand; c.Type != step.kind || !c.Timestamp.Equal(before.MostRecentCommand.Timestamp) {
			t.Errorf("after %s the most recent command is %+v", step.kind, c)
		}
	}
	checkSlot(t, h, two)
}

// TestPrepareGoesOn ends the updater before each write to the disk: the next
// one goes on by itself, and fetches nothing that is in place.
func TestPrepareGoesOn(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	whole := newHost(t, one)
	whole.publish(two, nil)
	whole.ok(whole.updater.Refresh, whole.updater.Prepare)
	for n := range whole.disk.writes {
		h := newHost(t, one)
		h.publish(two, nil)
		h.ok(h.updater.Refresh)
		reached, left := make(chan struct{}), n
		h.disk.before = func() error {
			if left--; left == -1 {
				h.updater.End() // as by a signal
				close(reached)
			}
			if left < 0 {
				return errors.New("the updater is gone")
			}
			return nil
		}
		must(t, h.updater.Prepare())
		<-reached
		h.updater.Close()
		h.disk.before = nil
		h.start()
		if s := h.wait(); s.MostRecentCommand.Type != "prepare" {
			t.Fatalf("after write %d: %+v", n, s.MostRecentCommand)
		}
		h.want(api.UpdateStaged)
		checkSlot(t, h, two)
	}
}

// TestPowerCutsInThePrepare cuts the power at each change of STATE, ESP and
// variables: the host comes up, and the update goes through in the end.
func TestPowerCutsInThePrepare(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	run := func(cut int, part storetest.Part, mask uint) (ops int) {
		h := newHost(t, one)
		h.publish(two, nil)
		h.ok(h.updater.Refresh)
		from := h.machine.Power.Ops
		h.machine.Power.CutAt = from + cut
		failed := h.do(h.updater.Prepare)
		prepared := failed == ""
		if prepared {
			h.booted(two, "B")
			failed = h.do(h.updater.Activate)
		}
		if h.machine.Power.Dark != (failed != "") {
			t.Fatalf("cut %d: the power is off: %v, error %q", cut, h.machine.Power.Dark, failed)
		}
		if !h.machine.Power.Dark {
			return h.machine.Power.Ops - from
		}
		h.updater.Close()
		h.machine.Restart(storetest.Survival{Names: part, Data: part}, mask, part)
		must(t, h.machine.Settle())
		switch got := h.machine.Running(); {
		case got == "1.1.0" && prepared:
			return 0 // the power went when it was active already
		case got != "1.0.0":
			t.Fatalf("cut %d: it runs %q", cut, got)
		}
		h.start()
		h.wait()
		h.ok(h.updater.Refresh)
		if s := h.status(); s.UpdateState == api.UpdateAvailable {
			h.ok(h.updater.Prepare)
		}
		if s := h.status(); s.UpdateState == api.UpdateStaged {
			h.ok(h.updater.Activate)
		}
		h.booted(two, "B")
		h.reboot()
		if s := h.status(); s.ActivePartition.Image.Version != "1.1.0" {
			t.Errorf("cut %d: after all it runs %+v", cut, s.ActivePartition)
		}
		return h.machine.Power.Ops - from
	}
	last := run(0, storetest.None, 0)
	for cut := 1; cut <= last; cut++ {
		run(cut, storetest.None, 0)
		run(cut, storetest.All, ^uint(0))
	}
	t.Logf("%d cuts", last)
}

// TestDownloadsResume: of a file that was fetched in part, only the rest is
// asked for.
func TestDownloadsResume(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.ok(h.updater.Refresh)
	h.limits.Window, h.limits.MinRate = 300*time.Millisecond, 1<<20
	h.restart()
	h.repo.Order(t, repotest.SlowTrickle("root.index", time.Millisecond))
	if failed := h.do(h.updater.Prepare); !strings.Contains(failed, "server is too slow") {
		t.Fatalf("it failed with %q", failed)
	}
	parts, err := filepath.Glob(filepath.Join(h.dir, "files", "*"))
	if err != nil || len(parts) != 1 {
		t.Fatalf("parts are %v, %v", parts, err)
	}
	info, err := os.Stat(parts[0])
	must(t, err)
	h.repo.Order(t)
	h.repo.ForgetRequests()
	h.restart()
	h.ok(h.updater.Prepare)
	asked := strings.Join(h.repo.Requests(), "\n")
	if want := fmt.Sprintf("root.index bytes=%d-", info.Size()); info.Size() > 0 && !strings.Contains(asked, want) {
		t.Errorf("asked for\n%s\nwant %s", asked, want)
	}
	if left, err := os.ReadDir(filepath.Join(h.dir, "files")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("files are left: %v, %v", left, err)
	}
	// A part that rotted is fetched anew.
	h.ok(h.updater.Cancel)
	must(t, os.MkdirAll(filepath.Join(h.dir, "files"), 0o700))
	must(t, os.WriteFile(parts[0], bytes.Repeat([]byte("x"), int(info.Size()+1)), 0o600))
	h.ok(h.updater.Prepare)
	checkSlot(t, h, two)
}

// TestCancel gives up a prepare that hangs.
func TestCancel(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.ok(h.updater.Refresh)
	hangs := make(chan struct{}, 100)
	inner := http.DefaultTransport
	h.client.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if strings.Contains(r.URL.Path, "root.frames") {
			hangs <- struct{}{}
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		return inner.RoundTrip(r)
	})
	must(t, h.updater.Prepare())
	<-hangs
	if err := h.updater.Refresh(); !errors.Is(err, update.ErrBusy) {
		t.Errorf("refresh meanwhile: %v", err)
	}
	s := h.status()
	if s.Running == nil || s.Running.Type != "prepare" || s.Running.Progress.Step != api.StepBlocks || s.Running.Progress.Blocks == 0 {
		t.Errorf("running %+v", s.Running)
	}
	must(t, h.updater.Cancel())
	h.want(api.UpdateAvailable)
	if c := h.status().MostRecentCommand; c.Type != "cancel" || c.Status != api.UpdateSuccess {
		t.Errorf("most recent command %+v", c)
	}
	h.restart() // it does not go on
	if s := h.wait(); s.UpdateState != api.UpdateAvailable {
		t.Errorf("state is %s", s.UpdateState)
	}
	h.client.Transport = inner
	h.ok(h.updater.Prepare)
	checkSlot(t, h, two)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A state file that makes no sense is a state that was lost, no more.
func TestDamagedState(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	for _, text := range []string{"", "{", `{"format":2}`, "\x00\x00"} {
		h := newHost(t, one)
		h.publish(two, nil)
		h.ok(h.updater.Refresh)
		h.updater.Close()
		f, err := h.machine.State.Create(filepath.Join(h.dir, "state.json"))
		must(t, err)
		_, err = f.Write([]byte(text))
		must(t, err)
		h.start()
		if s := h.want(api.UpdateIdle); !strings.Contains(s.Problem, "state was lost") {
			t.Errorf("problem is %q", s.Problem)
		}
		h.ok(h.updater.Refresh, h.updater.Prepare)
	}
}

// Metadata that a power cut left in pieces is fetched anew.
func TestDamagedMetadata(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.ok(h.updater.Refresh)
	files, err := filepath.Glob(filepath.Join(h.dir, "metadata", "*.json"))
	must(t, err)
	if len(files) < 4 {
		t.Fatalf("metadata are %v", files)
	}
	for _, f := range files {
		must(t, os.WriteFile(f, nil, 0o600))
	}
	h.ok(h.updater.Refresh)
	h.want(api.UpdateAvailable)
}

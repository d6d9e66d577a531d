package update_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// step lets the strategy take some steps.
func (h *fakeHost) step(n int) (stay bool) {
	h.t.Helper()
	for range n {
		var err error
		if stay, err = h.updater.Step(h.t.Context()); err != nil {
			h.t.Log(err)
		}
	}
	return stay
}

func TestManualAsksNobody(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	h.publish(version(t, "1.1.0", "base"), nil)
	if stay := h.step(3); stay || len(h.repo.Requests()) > 0 || h.restarts > 0 {
		t.Errorf("stay %v, requests %q, restarts %d", stay, h.repo.Requests(), h.restarts)
	}
}

func TestImmediate(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.config.Strategy = settings.StrategyImmediate
	h.step(2)
	if h.restarts != 1 {
		t.Fatalf("%d restarts: %+v", h.restarts, h.status())
	}
	h.booted(two, "B")
	h.reboot()
	if h.step(2); h.restarts != 1 || h.status().ActivePartition.Image.Version != "1.1.0" {
		t.Errorf("%d restarts; it runs %+v", h.restarts, h.status().ActivePartition)
	}
}

func TestWindow(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	h.publish(version(t, "1.1.0", "base"), nil)
	h.config.Strategy = settings.StrategyWindow
	h.now = time.Date(h.now.Year(), h.now.Month(), h.now.Day(), 12, 0, 0, 0, time.UTC)
	if stay := h.step(2); !stay {
		t.Error("the updater would end while it waits")
	}
	if s := h.want(api.UpdateStaged); s.Waiting != "a window: the setting updates.window is not set" {
		t.Errorf("it waits for %q", s.Waiting)
	}
	h.config.Window = "12:30-13:00"
	h.step(1)
	if s := h.want(api.UpdateStaged); s.Waiting != "the window 12:30-13:00 (UTC)" || h.restarts != 0 {
		t.Errorf("it waits for %q", s.Waiting)
	}
	h.now = h.now.Add(31 * time.Minute)
	h.step(1)
	h.want(api.UpdateReady)
	if h.restarts != 1 {
		t.Errorf("%d restarts", h.restarts)
	}
}

// A version that was paused after it was staged is not booted.
func TestPausedWhileItWaits(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	h.publish(two, nil)
	h.config.Strategy = settings.StrategyWindow // and no window: it waits
	h.step(2)
	h.want(api.UpdateStaged)
	h.repo.Change(t, func(m *manifest.Manifest) { m.Find("base", "x86_64", "1.1.0").Paused = true })
	h.now = h.now.Add(2 * time.Hour)
	h.step(2)
	if s := h.want(api.UpdateIdle); h.restarts != 0 || s.Held[0].Reason != "paused" {
		t.Errorf("%d restarts, held %+v", h.restarts, s.Held)
	}
}

// No look at the repository, no restart: the version may be paused.
func TestOfflineWhileItWaits(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	h.publish(version(t, "1.1.0", "base"), nil)
	h.config.Strategy = settings.StrategyWindow
	h.step(2)
	h.config.Strategy, h.config.MetadataURL = settings.StrategyImmediate, "http://127.0.0.1:1"
	h.now = h.now.Add(2 * time.Hour)
	h.step(2)
	if s := h.want(api.UpdateStaged); h.restarts != 0 || !strings.HasPrefix(s.Waiting, "a look at the repository") {
		t.Errorf("%d restarts, waits for %q", h.restarts, s.Waiting)
	}
}

// What somebody cancelled is not taken again by itself.
func TestCancelledIsNotTakenAgain(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	h.publish(version(t, "1.1.0", "base"), nil)
	h.config.Strategy = settings.StrategyWindow
	h.step(1)
	h.want(api.UpdateStaged)
	h.ok(h.updater.Cancel)
	h.restart()
	h.step(2)
	h.want(api.UpdateAvailable)
	h.publish(version(t, "1.2.0", "base"), nil)
	h.now = h.now.Add(2 * time.Hour)
	h.step(1)
	if s := h.want(api.UpdateStaged); s.StagingPartition.Image.Version != "1.2.0" {
		t.Errorf("staged %+v", s.StagingPartition)
	}
}

// A newer version takes the place of one that waits.
func TestNewerWhileItWaits(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	h.publish(version(t, "1.1.0", "base"), nil)
	h.config.Strategy = settings.StrategyWindow
	h.step(2)
	next := version(t, "1.2.0", "base")
	h.publish(next, nil)
	h.now = h.now.Add(2 * time.Hour)
	h.step(1)
	if s := h.want(api.UpdateStaged); s.StagingPartition.Image.Version != "1.2.0" {
		t.Errorf("staged %+v", s.StagingPartition)
	}
	checkSlot(t, h, next)
}

func TestWaves(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	start := h.now.Add(3 * time.Hour).Truncate(time.Second)
	h.publish(version(t, "1.1.0", "base"), func(i *manifest.Image) {
		i.Waves = []manifest.Wave{{LastSeed: 100, Start: h.now.Add(-time.Hour)}, {LastSeed: 2047, Start: start}}
	})
	h.config.Seed = 101
	h.ok(h.updater.Refresh)
	s := h.want(api.UpdateIdle)
	if len(s.Held) != 1 || s.Held[0].Reason != "waits-for-wave" || !s.Held[0].Until.Equal(start) {
		t.Errorf("held %+v", s.Held)
	}
	for _, change := range []func(){
		func() { h.config.Seed = 100 }, func() { h.config.IgnoreWaves = true }, func() { h.now = start.Add(time.Minute) },
	} {
		old, now := h.config, h.now
		change()
		h.ok(h.updater.Refresh)
		h.want(api.UpdateAvailable)
		h.config, h.now = old, now
	}
}

// lockServer is a FleetLock server of one turn.
type lockServer struct {
	refuse bool
	asked  []string
}

func (l *lockServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	l.asked = append(l.asked, strings.TrimPrefix(r.URL.Path, "/v1/"))
	if l.refuse {
		w.WriteHeader(http.StatusConflict)
		io.WriteString(w, `{"kind":"failed_lock","value":"somebody else has it"}`)
	}
}

func TestFleetLock(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	locks := &lockServer{refuse: true}
	server := httptest.NewServer(locks)
	defer server.Close()
	h := newHost(t, one)
	h.publish(two, nil)
	h.config.Strategy, h.config.LockURL, h.config.LockGroup = settings.StrategyFleetLock, server.URL, "workers"
	h.step(3)
	s := h.want(api.UpdateStaged)
	if h.restarts != 0 || !strings.HasSuffix(s.Waiting, "somebody else has it (failed_lock)") || len(locks.asked) != 1 {
		t.Errorf("%d restarts, waits for %q, asked %q", h.restarts, s.Waiting, locks.asked)
	}
	locks.refuse = false
	h.now = h.now.Add(6 * time.Minute)
	h.step(1)
	h.want(api.UpdateReady)
	if h.restarts != 1 || len(locks.asked) != 2 {
		t.Errorf("%d restarts, asked %q", h.restarts, locks.asked)
	}
	h.booted(two, "B")
	h.reboot()
	h.step(2)
	if want := []string{"pre-reboot", "pre-reboot", "steady-state"}; !slices.Equal(locks.asked, want) {
		t.Errorf("asked %q, want %q", locks.asked, want)
	}
}

// A host that gives an update up gives its turn back, too.
func TestFleetLockIsGivenBack(t *testing.T) {
	locks := &lockServer{refuse: true}
	server := httptest.NewServer(locks)
	defer server.Close()
	h := newHost(t, version(t, "1.0.0", "base"))
	h.publish(version(t, "1.1.0", "base"), nil)
	h.config.Strategy, h.config.LockURL = settings.StrategyFleetLock, server.URL
	h.step(2)
	locks.refuse = false
	h.ok(h.updater.Cancel)
	h.config.Strategy = settings.StrategyManual
	h.restart()
	h.step(2)
	if want := []string{"pre-reboot", "steady-state"}; !slices.Equal(locks.asked, want) {
		t.Errorf("asked %q, want %q", locks.asked, want)
	}
}

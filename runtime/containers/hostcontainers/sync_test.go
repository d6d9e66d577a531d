package hostcontainers_test

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/hostcontainers"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

type host map[settings.Identifier]settings.HostContainer

func on(source string) settings.HostContainer {
	yes := true
	return settings.HostContainer{Enabled: &yes, Source: settings.Image(source)}
}

func TestSync(t *testing.T) {
	root := t.TempDir()
	m := &systemdtest.Manager{}
	done := 0
	// step syncs and returns what was done to units by that.
	step := func(h host) []string {
		t.Helper()
		s := &hostcontainers.Syncer{Config: containers.Config{HostContainers: h}, Manager: m, Root: root, Log: slog.New(slog.DiscardHandler)}
		if err := s.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
		all := m.Changed()
		now := all[done:]
		done = len(all)
		return now
	}
	expect := func(what string, got []string, want ...string) {
		t.Helper()
		if diff := cmp.Diff(want, append([]string(nil), got...)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	off := settings.HostContainer{Source: "r.invalid/control:1"}
	adminUnit, controlUnit := "host-container@admin.service", "host-container@control.service"

	expect("all off", step(host{"admin": {}, "control": off}))
	expect("admin on", step(host{"admin": on("r.invalid/admin:1"), "control": off}), "restart "+adminUnit)
	m.SetState(adminUnit, "active")
	expect("no change", step(host{"admin": on("r.invalid/admin:1"), "control": off}))
	expect("both on", step(host{"admin": on("r.invalid/admin:1"), "control": on("r.invalid/control:1")}), "restart "+controlUnit)
	m.SetState(controlUnit, "activating")
	expect("other image", step(host{"admin": on("r.invalid/admin:2"), "control": on("r.invalid/control:1")}), "restart "+adminUnit)
	m.SetState(controlUnit, "failed")
	expect("one failed", step(host{"admin": on("r.invalid/admin:2"), "control": on("r.invalid/control:1")}), "restart "+controlUnit)
	m.SetState(controlUnit, "active")
	expect("admin off", step(host{"admin": {}, "control": on("r.invalid/control:1")}), "stop "+adminUnit)
	expect("control gone", step(host{}), "stop "+controlUnit)
	expect("nothing left", step(host{}))
}

func TestOneBadContainerKeepsNoOther(t *testing.T) {
	m := &systemdtest.Manager{}
	m.SetChange("host-container@b.service", errors.New("broken"))
	s := &hostcontainers.Syncer{
		Config:  containers.Config{HostContainers: host{"a": on(""), "b": on("r.invalid/b:1"), "c": on("r.invalid/c:1")}},
		Manager: m, Root: t.TempDir(), Log: slog.New(slog.DiscardHandler),
	}
	err := s.Sync(t.Context())
	if err == nil || !strings.Contains(err.Error(), "settings.host-containers.a.source") || !strings.Contains(err.Error(), "host container b") {
		t.Errorf("Sync() = %v", err)
	}
	if diff := cmp.Diff([]string{"restart host-container@b.service", "restart host-container@c.service"}, m.Changed()); diff != "" {
		t.Errorf("units (-want +got):\n%s", diff)
	}
}

func TestUnit(t *testing.T) {
	if got := hostcontainers.Unit("my-admin"); got != "host-container@my-admin.service" {
		t.Errorf("Unit() = %s", got)
	}
}

func TestRecordsAreSecret(t *testing.T) {
	root := t.TempDir()
	s := &hostcontainers.Syncer{
		Config:  containers.Config{HostContainers: host{"a": on("r.invalid/a:1")}},
		Manager: &systemdtest.Manager{}, Root: root, Log: slog.New(slog.DiscardHandler),
	}
	if err := s.Sync(t.Context()); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(filepath.Join(root, hostcontainers.RecordDir, "a.json"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the record, which has user data, is %v, %v", info, err)
	}
}

package health

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
	"github.com/slipway-os/slipway/runtime/userdata/metadataboot"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newMonitor makes a monitor of a well host whose clock the test moves.
func newMonitor(t *testing.T) (*Monitor, *systemdtest.Manager, *hosttest.DM, *time.Time) {
	t.Helper()
	h, dm := hosttest.New(t, nil)
	if err := (config.Report{}).Write(h.Root); err != nil {
		t.Fatal(err)
	}
	manager, now := &systemdtest.Manager{}, start
	m := &Monitor{Host: h, Dial: manager.Dial, Now: func() time.Time { return now }}
	return m, manager, dm, &now
}

func check(h api.Health, name string) api.Check {
	for _, c := range h.Checks {
		if c.Name == name {
			return c
		}
	}
	return api.Check{}
}

func TestHealthThroughABoot(t *testing.T) {
	m, manager, dm, now := newMonitor(t)
	m.Fixed = []api.Check{{Name: "fixed", OK: true}}
	m.More = func() []api.Check { return []api.Check{{Name: "more", OK: true}} }
	expect := func(what string, status api.Status, since time.Time) api.Health {
		t.Helper()
		h := m.Health(context.Background())
		if h.Status != status || !h.Since.Equal(since) {
			t.Errorf("%s: %s since %v, want %s since %v; checks %+v", what, h.Status, h.Since, status, since, h.Checks)
		}
		return h
	}

	expect("at first", api.Starting, start)
	*now = start.Add(time.Second)
	manager.SetFailed("b.service", "a.service")
	h := expect("a unit failed while starting", api.Starting, start)
	if d := cmp.Diff([]string{"a.service", "b.service"}, h.FailedUnits); d != "" {
		t.Errorf("failed units (-want +got):\n%s", d)
	}
	if got, want := check(h, "units"), (api.Check{Name: "units", Message: "failed: a.service, b.service"}); got != want {
		t.Errorf("units: %+v, want %+v", got, want)
	}

	manager.SetFailed()
	done := start.Add(2 * time.Second)
	*now = start.Add(10 * time.Second)
	if err := (Report{Good: true, Finished: done}).Write(m.Host.Root); err != nil {
		t.Fatal(err)
	}
	want := api.Health{
		Status: api.Good,
		Checks: []api.Check{
			{Name: "boot", OK: true}, {Name: "units", OK: true}, {Name: "root", OK: true}, {Name: "user-data", OK: true},
			{Name: "settings", OK: true}, {Name: "fixed", OK: true}, {Name: "more", OK: true},
		},
		FailedUnits: []string{},
		Since:       done,
	}
	if d := cmp.Diff(want, expect("checks done", api.Good, done)); d != "" {
		t.Errorf("good (-want +got):\n%s", d)
	}

	*now = start.Add(time.Minute)
	dm.States[0].Params = "C"
	h = expect("corruption", api.Degraded, start.Add(time.Minute))
	if got := check(h, "root").Message; got != "dm-verity on /dev/dm-0: corrupted" {
		t.Errorf("root says %q", got)
	}
	*now = start.Add(2 * time.Minute)
	expect("still", api.Degraded, start.Add(time.Minute))
	dm.States[0].Params = "V"
	expect("well again", api.Good, start.Add(2*time.Minute))
}

func writeReport(t *testing.T, m *Monitor, r config.Report) {
	t.Helper()
	if err := r.Write(m.Host.Root); err != nil {
		t.Fatal(err)
	}
}

func writeOutcome(t *testing.T, m *Monitor, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(m.Host.Root, metadataboot.Outcome), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestHealthDegraded(t *testing.T) {
	good := Report{Good: true, Finished: start}
	for _, tc := range []struct {
		name   string
		damage func(*testing.T, *Monitor, *systemdtest.Manager)
		report *Report
		blame  api.Check
	}{
		{"bad boot", nil, &Report{Reason: "API: no answer", Finished: start}, api.Check{Name: "boot", Message: "API: no answer"}},
		{"systemd away", func(_ *testing.T, _ *Monitor, s *systemdtest.Manager) { s.Fail(errors.New("no socket")) },
			&good, api.Check{Name: "units", Message: "no socket"}},
		{"user data", func(t *testing.T, m *Monitor, _ *systemdtest.Manager) {
			writeReport(t, m, config.Report{UserData: config.UserData{Error: "line 1: x"}})
		}, &good, api.Check{Name: "user-data", Message: "line 1: x"}},
		{"settings", func(t *testing.T, m *Monitor, _ *systemdtest.Manager) {
			writeReport(t, m, config.Report{Store: config.Store{Recovered: "it was damaged"}})
		}, &good, api.Check{Name: "settings", Message: "it was damaged"}},
		{"no settings", func(t *testing.T, m *Monitor, _ *systemdtest.Manager) {
			if err := os.Remove(filepath.Join(m.Host.Root, config.ReportPath)); err != nil {
				t.Fatal(err)
			}
		}, &good, api.Check{Name: "settings", Message: "the settings were not brought into force at boot"}},
		{"metadata", func(t *testing.T, m *Monitor, _ *systemdtest.Manager) {
			writeOutcome(t, m, `{"name":"metadata","ok":false,"message":"line 2: y"}`)
		}, &good, api.Check{Name: "metadata", Message: "line 2: y"}},
		{"torn outcome", func(t *testing.T, m *Monitor, _ *systemdtest.Manager) { writeOutcome(t, m, "{") },
			&good, api.Check{Name: "metadata", Message: "reading what became of the metadata: unexpected end of JSON input"}},
		{"checks died", func(_ *testing.T, _ *Monitor, s *systemdtest.Manager) { s.SetFailed(CheckUnit) },
			nil, api.Check{Name: "boot", Message: "the boot checks are not done"}},
		{"torn report", func(t *testing.T, m *Monitor, _ *systemdtest.Manager) {
			if err := os.WriteFile(filepath.Join(m.Host.Root, ReportPath), []byte("{"), 0o644); err != nil {
				t.Fatal(err)
			}
		}, nil, api.Check{Name: "boot", Message: "reading the report of the boot checks: unexpected end of JSON input"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m, manager, _, _ := newMonitor(t)
			if tc.report != nil {
				if err := tc.report.Write(m.Host.Root); err != nil {
					t.Fatal(err)
				}
			}
			if tc.damage != nil {
				tc.damage(t, m, manager)
			}
			h := m.Health(context.Background())
			if h.Status != api.Degraded {
				t.Errorf("status %s, want %s", h.Status, api.Degraded)
			}
			if got := check(h, tc.blame.Name); got != tc.blame {
				t.Errorf("check %+v, want %+v", got, tc.blame)
			}
		})
	}
}

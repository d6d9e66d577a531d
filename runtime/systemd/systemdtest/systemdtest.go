// Package systemdtest is a service manager in memory.
package systemdtest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/slipway-os/slipway/runtime/systemd"
)

// A Manager answers as it was told. The zero value has no units. All methods
// may be called at the same time.
type Manager struct {
	mu      sync.Mutex
	failed  []systemd.Unit
	jobs    []systemd.Job
	states  map[string]string
	needs   map[string][]string
	started []string
	changed []string
	changes map[string]error
	err     error
}

// Dial is a systemd.Dialer for m. Closing the connection does nothing.
func (m *Manager) Dial(context.Context) (systemd.Manager, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.err != nil {
		return nil, m.err
	}
	return m, nil
}

// Fail makes every call from now on return err; nil ends that.
func (m *Manager) Fail(err error) { m.set(func() { m.err = err }) }

// SetFailed replaces the failed units.
func (m *Manager) SetFailed(names ...string) {
	m.set(func() {
		m.failed = nil
		for _, n := range names {
			m.failed = append(m.failed, systemd.Unit{Name: n, Description: "the unit " + n})
		}
	})
}

// SetJobs replaces the jobs; all of them start their unit.
func (m *Manager) SetJobs(units ...string) {
	m.set(func() {
		m.jobs = nil
		for _, u := range units {
			m.jobs = append(m.jobs, systemd.Job{Unit: u, Type: "start", State: "running"})
		}
	})
}

// SetState sets a unit's ActiveState; it is "inactive" until then.
func (m *Manager) SetState(unit, state string) {
	m.set(func() {
		if m.states == nil {
			m.states = map[string]string{}
		}
		m.states[unit] = state
	})
}

// SetNeeds sets what a unit needs.
func (m *Manager) SetNeeds(unit string, needs ...string) {
	m.set(func() {
		if m.needs == nil {
			m.needs = map[string][]string{}
		}
		m.needs[unit] = needs
	})
}

// Started lists the units whose start was asked for, in order.
func (m *Manager) Started() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.started)
}

// SetChange sets how every change of a unit but its Start ends;
// Hang makes it wait until the caller gives up.
func (m *Manager) SetChange(unit string, result error) {
	m.set(func() {
		if m.changes == nil {
			m.changes = map[string]error{}
		}
		m.changes[unit] = result
	})
}

// Hang is a result of SetChange.
var Hang = errors.New("hangs")

// Changed lists what was asked for so far, in order: "restart a.service",
// "try-restart a.service", "reload a.service", "stop a.service".
func (m *Manager) Changed() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.changed)
}

// FailedUnits implements systemd.Manager.
func (m *Manager) FailedUnits(ctx context.Context) ([]systemd.Unit, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.failed), m.errOf(ctx)
}

// Jobs implements systemd.Manager.
func (m *Manager) Jobs(ctx context.Context) ([]systemd.Job, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.jobs), m.errOf(ctx)
}

// ActiveState implements systemd.Manager.
func (m *Manager) ActiveState(ctx context.Context, unit string) (string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.states[unit]; s != "" {
		return s, m.errOf(ctx)
	}
	return "inactive", m.errOf(ctx)
}

// Needs implements systemd.Manager.
func (m *Manager) Needs(ctx context.Context, unit string) ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.needs[unit]), m.errOf(ctx)
}

// Start implements systemd.Manager.
func (m *Manager) Start(ctx context.Context, unit string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.errOf(ctx); err != nil {
		return err
	}
	m.started = append(m.started, unit)
	return nil
}

// Restart implements systemd.Manager.
func (m *Manager) Restart(ctx context.Context, unit string) error {
	return m.change(ctx, "restart", unit)
}

// TryRestart implements systemd.Manager.
func (m *Manager) TryRestart(ctx context.Context, unit string) error {
	return m.change(ctx, "try-restart", unit)
}

// Reload implements systemd.Manager.
func (m *Manager) Reload(ctx context.Context, unit string) error {
	return m.change(ctx, "reload", unit)
}

// Stop implements systemd.Manager.
func (m *Manager) Stop(ctx context.Context, unit string) error {
	return m.change(ctx, "stop", unit)
}

func (m *Manager) change(ctx context.Context, verb, unit string) error {
	m.mu.Lock()
	m.changed = append(m.changed, verb+" "+unit)
	err, result := m.errOf(ctx), m.changes[unit]
	m.mu.Unlock()
	if err != nil {
		result = err
	}
	if result == Hang {
		<-ctx.Done()
		result = ctx.Err()
	}
	if result != nil {
		return fmt.Errorf("%s %s: %w", verb, unit, result)
	}
	return nil
}

// Close implements systemd.Manager.
func (m *Manager) Close() {}

func (m *Manager) set(change func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	change()
}

// errOf returns the ordered failure, or that of the context.
func (m *Manager) errOf(ctx context.Context) error {
	if m.err != nil {
		return m.err
	}
	return ctx.Err()
}

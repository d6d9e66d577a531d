// Package systemdtest is a service manager in memory.
package systemdtest

import (
	"context"
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

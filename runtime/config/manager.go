package config

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// applyTimeout bounds what units take to follow a change, unless
// Manager.Timeout says something else.
const applyTimeout = 90 * time.Second

// kernelUnit runs Kernel while the host runs.
const kernelUnit = "slipway-kernel.service"

// A Manager brings changes of the settings into force while the host runs. Only
// one change is under way at a time; all methods may be called at any time.
type Manager struct {
	Schema    *settings.Schema
	Store     *store.Store
	Templates *render.Set
	Dial      systemd.Dialer
	Root      string // "/" but for tests
	Log       *slog.Logger
	Timeout   time.Duration // of one change; 0: 90 s

	busy gate

	mu   sync.Mutex
	debt debt
}

// debt is what did not work and is tried again with the next change.
type debt struct {
	templates map[string]bool // by name
	units     []render.UnitAction
	message   string // one line, "" if nothing is owed
}

// An ApplyError says that settings are committed, and that the host does not
// follow all of them yet: a file could not be written, a unit did not restart.
// It is tried again with the next change.
type ApplyError struct{ Err error }

// Error says what failed.
func (e *ApplyError) Error() string { return "applying the settings: " + e.Err.Error() }

// Unwrap returns what failed.
func (e *ApplyError) Unwrap() error { return e.Err }

// Resume takes over what the boot could not do, for the next change and for
// Check.
func (m *Manager) Resume(r Report) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.debt = debt{templates: map[string]bool{}}
	var why []string
	if r.Kernel != "" {
		m.debt.units = []render.UnitAction{{Unit: kernelUnit, Action: render.Restart}}
		why = append(why, r.Kernel)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Templates)) {
		m.debt.templates[name] = true
		why = append(why, r.Templates[name])
	}
	m.debt.message = strings.Join(why, "; ")
}

// Check tells whether the host follows its settings.
func (m *Manager) Check() api.Check {
	m.mu.Lock()
	defer m.mu.Unlock()
	return api.Check{Name: "apply", OK: m.debt.message == "", Message: m.debt.message}
}

// Commit puts what a transaction holds in force and, if apply is set, lets the
// host follow. What the host could not be configured by is not committed: the
// error then names the template and the key. An *ApplyError comes with a Commit
// that holds.
func (m *Manager) Commit(ctx context.Context, tx string, apply bool) (store.Commit, error) {
	if err := m.busy.enter(ctx); err != nil {
		return store.Commit{}, err
	}
	defer m.busy.leave()
	if err := m.prepare(tx); err != nil {
		return store.Commit{}, err
	}
	c, err := m.Store.Commit(tx)
	if err != nil || !apply {
		return c, err
	}
	return c, m.apply(ctx, changed(c.Deltas))
}

// Restore puts back what was in force before a change, unless something else has
// changed since, and lets the host follow.
func (m *Manager) Restore(ctx context.Context, before store.State, seq uint64) (store.Commit, error) {
	if err := m.busy.enter(ctx); err != nil {
		return store.Commit{}, err
	}
	defer m.busy.leave()
	c, err := m.Store.Restore(before, seq)
	if err != nil {
		return c, err
	}
	return c, m.apply(ctx, changed(c.Deltas))
}

// Apply lets the host follow the settings with these keys, or all of them if
// there are none. It returns an *ApplyError, or ctx's error where another change
// did not end in time.
func (m *Manager) Apply(ctx context.Context, keys []string) error {
	if err := m.busy.enter(ctx); err != nil {
		return err
	}
	defer m.busy.leave()
	return m.apply(ctx, keys)
}

func changed(deltas []store.Delta) []string {
	keys := []string{}
	for _, d := range deltas {
		keys = append(keys, d.Key)
	}
	return keys
}

// prepare refuses a transaction whose settings no template can take, and adds
// what generators make where it takes their values away.
func (m *Manager) prepare(tx string) error {
	deltas, err := m.Store.Diff(tx)
	if err != nil {
		return err
	}
	next := m.Store.Live()
	for _, d := range deltas {
		if d.After == nil {
			delete(next, d.Key)
		} else {
			next[d.Key] = store.Entry{Value: d.After, Source: d.Source}
		}
	}
	values := next.Values()
	if m.Schema.Check(values) != nil {
		return nil // the store says it better
	}
	if err := m.Templates.Check(m.Root, nest(m.Schema, values)); err != nil {
		// What is in force may be to blame: a fault of the image must not keep
		// anybody from changing settings.
		if m.Templates.Check(m.Root, nest(m.Schema, m.Store.Live().Values())) == nil {
			return fmt.Errorf("committing transaction %q: %w: %w", tx, store.ErrRefused, err)
		}
	}
	if len(deltas) == 0 {
		return nil
	}
	return m.regenerate(tx, next)
}

// apply renders what the keys affect and acts on units. Nobody who gives up
// waiting stops it half way.
func (m *Manager) apply(ctx context.Context, keys []string) error {
	timeout := m.Timeout
	if timeout == 0 {
		timeout = applyTimeout
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), timeout)
	defer cancel()
	m.mu.Lock()
	owed := m.debt
	m.mu.Unlock()

	result, err := m.Templates.Render(m.Root, m.affected(keys, owed), nest(m.Schema, m.Store.Live().Values()))
	failed := failures(err)
	left, unitErr := m.act(ctx, render.Merge(owed.units, result.Units))
	m.Log.Info("settings applied", "written", result.Written, "removed", result.Removed, "failed", len(failed)+len(left))

	now := debt{templates: map[string]bool{}, units: left}
	for name := range failed {
		now.templates[name] = true
	}
	err = errors.Join(err, unitErr)
	if err != nil {
		now.message = oneLine(err)
		err = &ApplyError{err}
	}
	m.mu.Lock()
	m.debt = now
	m.mu.Unlock()
	return err
}

// affected lists the templates to render: those of the keys (none: all) and
// those that failed before.
func (m *Manager) affected(keys []string, owed debt) []*render.Template {
	if keys == nil {
		return m.Templates.All()
	}
	ts := m.Templates.Affected(keys)
	for _, t := range m.Templates.All() {
		if owed.templates[t.Name] && !slices.Contains(ts, t) {
			ts = append(ts, t)
		}
	}
	return ts
}

// act restarts and reloads units, one after the other, and returns those that
// did not follow.
func (m *Manager) act(ctx context.Context, units []render.UnitAction) (left []render.UnitAction, err error) {
	if len(units) == 0 {
		return nil, nil
	}
	manager, err := m.Dial(ctx)
	if err != nil {
		names := make([]string, len(units))
		for i, u := range units {
			names[i] = u.Unit
		}
		return units, fmt.Errorf("restarting %s: %w", strings.Join(names, ", "), err)
	}
	defer manager.Close()
	var errs []error
	for _, u := range units {
		do := manager.TryRestart
		switch u.Action {
		case render.Restart:
			do = manager.Restart
		case render.Reload:
			do = manager.Reload
		}
		if err := do(ctx, u.Unit); err != nil {
			errs = append(errs, err)
			left = append(left, u)
		}
	}
	return left, errors.Join(errs...)
}

// A gate lets one in at a time.
type gate struct {
	once sync.Once
	slot chan struct{}
}

// enter waits until nobody is inside, or ctx ends.
func (g *gate) enter(ctx context.Context) error {
	g.once.Do(func() { g.slot = make(chan struct{}, 1) })
	select {
	case g.slot <- struct{}{}:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("waiting for another change of the settings: %w", ctx.Err())
	}
}

func (g *gate) leave() { <-g.slot }

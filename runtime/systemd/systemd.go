// Package systemd asks the service manager about units and jobs, over its
// private socket: it answers even while the message bus is down.
package systemd

import (
	"context"
	"fmt"

	"github.com/coreos/go-systemd/v22/dbus"
)

// A Manager is the part of systemd that the runtime uses; see
// org.freedesktop.systemd1(5). Package systemdtest has one in memory.
type Manager interface {
	// FailedUnits lists the units in state "failed", in no order.
	FailedUnits(ctx context.Context) ([]Unit, error)
	// Jobs lists what is queued or running.
	Jobs(ctx context.Context) ([]Job, error)
	// ActiveState returns a unit's state: active, activating, inactive, …
	ActiveState(ctx context.Context, unit string) (string, error)
	// Needs lists the units that a unit cannot do without: its Requires= and
	// BindsTo=.
	Needs(ctx context.Context, unit string) ([]string, error)
	// Start queues the start of a unit, giving way to nothing that is queued
	// already ("replace-irreversibly"), and does not wait for it.
	Start(ctx context.Context, unit string) error
	// Restart stops a unit where it runs, starts it, and waits until that is
	// done. The error names the unit and, where it told it, its status.
	Restart(ctx context.Context, unit string) error
	// TryRestart restarts a unit only where it runs; one that does not exist
	// is none that runs.
	TryRestart(ctx context.Context, unit string) error
	// Reload makes a unit read its configuration anew, by a restart where it
	// knows no other way, and only where it runs.
	Reload(ctx context.Context, unit string) error
	// Stop stops a unit and waits until that is done; one that does not exist
	// is stopped.
	Stop(ctx context.Context, unit string) error
	// Close ends the connection.
	Close()
}

// A Unit is a unit that failed.
type Unit struct {
	Name        string
	Description string
}

// A Job is a change of a unit that is not done yet.
type Job struct {
	Unit  string
	Type  string // start, stop, …
	State string // waiting, running
}

// A Dialer connects to the service manager.
type Dialer func(ctx context.Context) (Manager, error)

// Dial connects to the service manager of this host; it needs root.
func Dial(ctx context.Context) (Manager, error) {
	c, err := dbus.NewSystemdConnectionContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("connecting to systemd: %w", err)
	}
	return conn{c}, nil
}

// conn is the real Manager.
type conn struct{ c *dbus.Conn }

func (m conn) FailedUnits(ctx context.Context) ([]Unit, error) {
	list, err := m.c.ListUnitsFilteredContext(ctx, []string{"failed"})
	if err != nil {
		return nil, fmt.Errorf("listing failed units: %w", err)
	}
	units := make([]Unit, 0, len(list))
	for _, u := range list {
		units = append(units, Unit{Name: u.Name, Description: u.Description})
	}
	return units, nil
}

func (m conn) Jobs(ctx context.Context) ([]Job, error) {
	list, err := m.c.ListJobsContext(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", err)
	}
	jobs := make([]Job, 0, len(list))
	for _, j := range list {
		jobs = append(jobs, Job{Unit: j.Unit, Type: j.JobType, State: j.Status})
	}
	return jobs, nil
}

func (m conn) ActiveState(ctx context.Context, unit string) (string, error) {
	p, err := m.c.GetUnitPropertyContext(ctx, unit, "ActiveState")
	if err != nil {
		return "", fmt.Errorf("asking for the state of %s: %w", unit, err)
	}
	state, ok := p.Value.Value().(string)
	if !ok {
		return "", fmt.Errorf("asking for the state of %s: got %s", unit, p.Value)
	}
	return state, nil
}

func (m conn) Needs(ctx context.Context, unit string) ([]string, error) {
	var needs []string
	for _, property := range []string{"Requires", "BindsTo"} {
		p, err := m.c.GetUnitPropertyContext(ctx, unit, property)
		if err != nil {
			return nil, fmt.Errorf("asking what %s needs: %w", unit, err)
		}
		names, ok := p.Value.Value().([]string)
		if !ok {
			return nil, fmt.Errorf("asking what %s needs: got %s", unit, p.Value)
		}
		needs = append(needs, names...)
	}
	return needs, nil
}

func (m conn) Start(ctx context.Context, unit string) error {
	if _, err := m.c.StartUnitContext(ctx, unit, "replace-irreversibly", nil); err != nil {
		return fmt.Errorf("starting %s: %w", unit, err)
	}
	return nil
}

func (m conn) Close() { m.c.Close() }

package systemd

import (
	"context"
	"errors"
	"fmt"

	"github.com/coreos/go-systemd/v22/dbus"
	godbus "github.com/godbus/dbus/v5"
)

// A queue is a method of org.freedesktop.systemd1(5) that queues a job; the
// channel gets the job's result.
type queue func(ctx context.Context, unit, mode string, result chan<- string) (int, error)

func (m conn) Restart(ctx context.Context, unit string) error {
	return m.change(ctx, "restarting", unit, m.c.RestartUnitContext)
}

func (m conn) TryRestart(ctx context.Context, unit string) error {
	err := m.change(ctx, "restarting", unit, m.c.TryRestartUnitContext)
	return existing(err)
}

func (m conn) Reload(ctx context.Context, unit string) error {
	err := m.change(ctx, "reloading", unit, m.c.ReloadOrTryRestartUnitContext)
	return existing(err)
}

func (m conn) Stop(ctx context.Context, unit string) error {
	err := m.change(ctx, "stopping", unit, m.c.StopUnitContext)
	return existing(err)
}

// change queues a job and waits until it is done.
func (m conn) change(ctx context.Context, doing, unit string, start queue) error {
	result := make(chan string, 1)
	if _, err := start(ctx, unit, "replace", result); err != nil {
		return fmt.Errorf("%s %s: %w", doing, unit, err)
	}
	select {
	case r := <-result:
		switch r {
		case "done", "skipped": // skipped: there was nothing to do
			return nil
		}
		return fmt.Errorf("%s %s: the job ended as %q%s", doing, unit, r, m.status(ctx, unit))
	case <-ctx.Done():
		return fmt.Errorf("%s %s: waiting for it: %w", doing, unit, ctx.Err())
	}
}

// status is what a service said of itself, as the end of a sentence.
func (m conn) status(ctx context.Context, unit string) string {
	p, err := m.c.GetUnitTypePropertyContext(ctx, unit, "Service", "StatusText")
	if err != nil {
		return ""
	}
	if s, ok := p.Value.Value().(string); ok && s != "" {
		return ": " + s
	}
	return ""
}

// existing lets a unit that does not exist pass.
func existing(err error) error {
	var remote godbus.Error
	if errors.As(err, &remote) && remote.Name == "org.freedesktop.systemd1.NoSuchUnit" {
		return nil
	}
	return err
}

var _ Manager = conn{(*dbus.Conn)(nil)}

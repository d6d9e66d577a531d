package machine

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

// Limits that suit KVM.
const (
	bootLimit  = 30 * time.Second
	resetLimit = 20 * time.Second
)

// Within returns a context that ends with the limit, when QEMU does, or when
// the console of this boot shows trouble; its cause says which.
func (m *Machine) Within(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	limit = m.Patience(limit)
	ctx, stopTimer := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%v have passed", limit))
	ctx, stopBind := m.vm.Bind(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	from := m.from
	go func() {
		if f, err := m.Console.AwaitTrouble(ctx, from, m.troubles); err == nil {
			cancel(errors.New("the console shows a " + f.String()))
		}
	}()
	return ctx, func() { cancel(nil); stopBind(); stopTimer() }
}

// Ready is what a host says when its boot is good.
type Ready struct {
	Variant, Version, Slot string
	Boot                   uint64        // counted from 1
	After                  time.Duration // since power on or reset
}

var readyLine = regexp.MustCompile(`^slipway: ready variant=(\S+) version=(\S+) slot=(\S+) boot=(\d+)$`)

// AwaitReady waits until the host says that its boot is good.
func (m *Machine) AwaitReady(ctx context.Context) (Ready, error) {
	line, err := m.AwaitLine(ctx, bootLimit, readyLine)
	if err != nil {
		return Ready{}, err
	}
	f := readyLine.FindStringSubmatch(line.Text)
	boot, err := strconv.ParseUint(f[4], 10, 64)
	if err != nil {
		return Ready{}, fmt.Errorf("reading %q: %w", line.Text, err)
	}
	return Ready{Variant: f[1], Version: f[2], Slot: f[3], Boot: boot, After: line.Time.Sub(m.on)}, nil
}

// AwaitLine waits for a line in the console of this boot.
func (m *Machine) AwaitLine(ctx context.Context, limit time.Duration, want *regexp.Regexp) (console.Line, error) {
	ctx, cancel := m.Within(ctx, limit)
	defer cancel()
	line, _, err := m.Console.Await(ctx, m.from, want)
	if err != nil {
		return line, m.explain(err)
	}
	m.Timeline.Add("console: %s", line.Text)
	return line, nil
}

// AwaitAPI waits until the API answers and returns what it says of the host's
// health, and when it did so, counted from power on or reset.
func (m *Machine) AwaitAPI(ctx context.Context) (api.Health, time.Duration, error) {
	ctx, cancel := m.Within(ctx, bootLimit)
	defer cancel()
	h, err := m.API.Health(ctx)
	if err != nil {
		return h, 0, m.explain(fmt.Errorf("waiting for the API: %w\n%s", err, m.Console.Tail(12)))
	}
	after := time.Since(m.on)
	m.Timeline.Add("API answers: %s", h.Status)
	return h, after, nil
}

// Reboot asks the host to reboot and returns when the machine was reset; the
// new boot has just begun.
func (m *Machine) Reboot(ctx context.Context) error {
	m.Timeline.Add("asking for a reboot")
	if err := m.API.Reboot(ctx); err != nil {
		return m.explain(err)
	}
	return m.AwaitReset(ctx)
}

// AwaitReset waits until the machine is reset.
func (m *Machine) AwaitReset(ctx context.Context) error {
	ctx, cancel := m.Within(ctx, resetLimit)
	defer cancel()
	e, next, err := m.vm.Monitor.Await(ctx, m.events, "a reset of the machine", func(e qemu.Event) bool { return e.Name == "RESET" })
	if err != nil {
		return m.explain(err)
	}
	// Lines come by another way than events. It suffices that the firmware
	// takes longer to its first line than a line on its way here.
	m.mu.Lock()
	m.from = m.resetMark
	m.mu.Unlock()
	m.events, m.on = next, e.Time
	m.API.HangUp()
	return nil
}

// explain adds what happened last.
func (m *Machine) explain(err error) error {
	door := "shut"
	if m.vm.Monitor.DoorOpen() {
		door = "open"
	}
	return fmt.Errorf("%w\nlast happened: %s; guest's side of the API door: %s", err, m.Timeline.Last(), door)
}

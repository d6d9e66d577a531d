package bootstate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// leastBoot is how long after the kernel's start a boot that is not good is
// ended at the earliest: time to read, and no loop that is faster.
const leastBoot = time.Minute

// patience bounds what systemd is asked.
const patience = 10 * time.Second

// A command is one call of Main. Tests put in what it asks of the host.
type command struct {
	host    host.Host
	open    func(host.Host) (*Manager, func() error, error)
	dial    systemd.Dialer
	sleep   func(time.Duration)
	console io.Writer
	stdout  io.Writer
}

// Main is the bootstate command:
//
//	assess  looks, early in a boot, at what booted and what became of a trial
//	commit  commits the version on trial; the boot checks passed
//	gate    restarts a trial whose boot is not good (--record: says so only)
//	guard   readies the boot loader for an orderly restart
//	status  prints what boots, as JSON
func Main(args []string, stdout, stderr io.Writer) error {
	c := command{
		host: host.New(), open: Open, dial: systemd.Dial, sleep: time.Sleep,
		console: console.Open(stderr), stdout: stdout,
	}
	return c.run(args)
}

func (c command) run(args []string) error {
	switch strings.Join(args, " ") {
	case "assess":
		return c.assess()
	case "commit":
		return c.commit()
	case "gate":
		return c.gate(true)
	case "gate --record":
		return c.gate(false)
	case "guard":
		return c.with((*Manager).Guard)
	case "status":
		return c.status()
	}
	return fmt.Errorf("%w: want one of assess, commit, gate [--record], guard, status", multicall.ErrUsage)
}

// with does something with a manager of this host. A host that was started
// without a boot loader of its own has nothing to do.
func (c command) with(do func(*Manager) error) error {
	m, unmount, err := c.open(c.host)
	if errors.Is(err, esp.ErrNone) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(do(m), unmount())
}

// assess never fails: what it could not do is told, and the boot goes on.
func (c command) assess() error {
	var r Report
	var a Assessment
	err := c.with(func(m *Manager) error {
		var err, err2 error
		a, err = m.Assess()
		r.Status, err2 = m.Inspect()
		return errors.Join(err, err2)
	})
	r.Notes, r.Fallback = a.Notes, a.Reason
	if err != nil {
		r.Error = err.Error()
		console.Printf(c.console, "boot state: %v", err)
	}
	for _, n := range a.Notes {
		console.Printf(c.console, "boot state: %s", n)
	}
	if a.FellBack {
		console.Printf(c.console, "fell back: %s", a.Reason)
	}
	if err := r.Write(c.host.Root); err != nil {
		console.Printf(c.console, "boot state: %v", err)
	}
	if a.Reboot {
		console.Printf(c.console, "restarting: %s", a.Why)
		return c.reboot()
	}
	return nil
}

// commit requires that the boot checks passed.
func (c command) commit() error {
	h, err := health.ReadReport(c.host.Root)
	if err != nil {
		return err
	}
	if h == nil || !h.Good {
		return errors.New("committing this boot: the boot checks have not passed")
	}
	restart := false
	err = c.with(func(m *Manager) error {
		done, err := m.CommitBoot()
		if done {
			console.Printf(c.console, "committed version=%s slot=%s", m.Running.Version.Version, m.Running.Slot)
		}
		if errors.Is(err, ErrNotMeant) {
			var gateErr error
			restart, gateErr = m.Gate(err.Error())
			err = errors.Join(err, gateErr)
		}
		return errors.Join(err, c.refresh(m))
	})
	if restart {
		console.Printf(c.console, "restarting: %v", err)
		c.hold()
		return errors.Join(err, c.reboot())
	}
	return err
}

// refresh brings the report to what was just done.
func (c command) refresh(m *Manager) error {
	s, err := m.Inspect()
	if err != nil {
		return err
	}
	r, err := ReadReport(c.host.Root)
	if r == nil || err != nil {
		r = &Report{}
	}
	r.Status = s
	return r.Write(c.host.Root)
}

// gate ends a boot that is not good, if it is one of a version on trial.
func (c command) gate(restart bool) error {
	reason := "the boot stopped for good"
	if restart {
		if reason = c.notGood(); reason == "" {
			return nil
		}
	}
	end := false
	err := c.with(func(m *Manager) (err error) {
		end, err = m.Gate(reason)
		return err
	})
	if err != nil { // the record is for later; to fall back is for now
		console.Printf(c.console, "boot state: %v", err)
	}
	switch {
	case !restart:
		return nil
	case end:
		console.Printf(c.console, "restarting: this version is on trial, and its boot is not good: %s", reason)
		c.hold()
		return c.reboot()
	}
	console.Printf(c.console, "this version stays up although its boot is not good: it is committed, or there is no other: %s", reason)
	return nil
}

// notGood is why the boot is not good, "" if it is, or may become so.
func (c command) notGood() string {
	if h, err := health.ReadReport(c.host.Root); err == nil && h != nil {
		if h.Good {
			return ""
		}
		return h.Reason
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m, err := c.dial(ctx)
	if err != nil {
		return "the boot checks did not end, and " + err.Error()
	}
	defer m.Close()
	state, err := m.ActiveState(ctx, "slipway-health.service")
	if err != nil {
		return "the boot checks did not end, and " + err.Error()
	}
	if state == "activating" { // they have a deadline of their own
		return ""
	}
	reason := "the boot checks did not end, they are " + state
	if jobs, err := m.Jobs(ctx); err == nil {
		for _, j := range jobs[:min(len(jobs), 8)] {
			reason += fmt.Sprintf("; %s %s %s", j.Unit, j.Type, j.State)
		}
	}
	return reason
}

// hold waits until the boot has lasted leastBoot.
func (c command) hold() {
	if up, err := c.host.Uptime(); err == nil && up < leastBoot {
		c.sleep(leastBoot - up)
	}
}

func (c command) reboot() error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	m, err := c.dial(ctx)
	if err != nil {
		return err
	}
	defer m.Close()
	if err := m.Start(ctx, "reboot.target"); err != nil {
		return fmt.Errorf("restarting: %w", err)
	}
	return nil
}

func (c command) status() error {
	return c.with(func(m *Manager) error {
		s, err := m.Inspect()
		if err != nil {
			return err
		}
		e := json.NewEncoder(c.stdout)
		e.SetIndent("", "  ")
		return e.Encode(s)
	})
}

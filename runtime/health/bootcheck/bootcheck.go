// Package bootcheck decides once per boot whether the boot is good. It runs
// before boot-complete.target, which therefore is reached only by good boots;
// whoever commits an update orders itself after that target.
package bootcheck

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// Deadline is how long after the kernel's start a boot must have proved good.
const Deadline = 5 * time.Minute

const (
	target  = "multi-user.target" // what a boot is for
	leastOf = 10 * time.Second    // given to the checks however late they start
)

// own are jobs that wait for the checks and are therefore not waited for. That of
// systemd-bless-boot.service is there while a version is on trial.
var own = []string{
	"boot-complete.target", "slipway-commit.service", "slipway-health.service", "slipway-ready.service", "systemd-bless-boot.service",
}

// A Checker runs the boot checks.
type Checker struct {
	Manager systemd.Manager
	// AskAPI gets GET /os.
	AskAPI func(ctx context.Context) (api.OS, error)
	// Tick is how often systemd's jobs are looked at.
	Tick time.Duration
}

// Run returns nil if the boot is good, else what is wrong. ctx ends at the
// deadline. Each check is wrapped with its name: "units: failed: a.service".
func (c Checker) Run(ctx context.Context) error {
	for _, step := range []struct {
		name string
		run  func(context.Context) error
	}{
		{"start", c.settle},
		{"units", c.units},
		{"api", c.api},
	} {
		if err := step.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", step.name, err)
		}
	}
	return nil
}

// settle waits until nothing is being started any more and requires that the
// target was reached then.
func (c Checker) settle(ctx context.Context) error {
	tick := time.NewTicker(c.Tick)
	defer tick.Stop()
	waiting := "systemd has not answered"
	for {
		jobs, err := c.pending(ctx)
		switch {
		case err == nil && len(jobs) == 0:
			return c.reached(ctx)
		case err == nil:
			waiting = "still waiting for " + strings.Join(jobs, ", ")
		case ctx.Err() == nil:
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("deadline passed, %s", waiting)
		}
	}
}

// pending lists the jobs that are not ours: "a.service (start running)".
func (c Checker) pending(ctx context.Context) ([]string, error) {
	jobs, err := c.Manager.Jobs(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, j := range jobs {
		if !slices.Contains(own, j.Unit) {
			names = append(names, fmt.Sprintf("%s (%s %s)", j.Unit, j.Type, j.State))
		}
	}
	slices.Sort(names)
	return names, nil
}

func (c Checker) reached(ctx context.Context) error {
	state, err := c.Manager.ActiveState(ctx, target)
	if err != nil {
		return err
	}
	if state != "active" {
		err := fmt.Errorf("%s was not reached, it is %s", target, state)
		return errors.Join(err, c.units(ctx)) // most likely the reason
	}
	return nil
}

func (c Checker) units(ctx context.Context) error {
	failed, err := c.Manager.FailedUnits(ctx)
	if err != nil {
		return err
	}
	if len(failed) == 0 {
		return nil
	}
	var names []string
	for _, u := range failed {
		names = append(names, u.Name)
	}
	slices.Sort(names)
	return errors.New("failed: " + strings.Join(names, ", "))
}

// api requires an answer that says what is running.
func (c Checker) api(ctx context.Context) error {
	os, err := c.AskAPI(ctx)
	if err != nil {
		return err
	}
	if os.VersionID == "" || os.Boot.ID == "" {
		return errors.New("the answer to GET /os lacks version or boot ID")
	}
	return nil
}

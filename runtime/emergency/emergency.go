// Package emergency is what runs instead of a shell when the boot cannot go on:
// there is no shell in the image, and nobody at the console. It says what did
// not start and restarts the machine, so that a trial boot counts as failed
// and the other slot gets its turn.
package emergency

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// pause gives somebody at the console the time to read.
const pause = 30 * time.Second

// root is what a boot cannot go on without.
const root = "local-fs.target"

// Main is the emergency command. systemd restarts the machine when it ends
// (SuccessAction= of emergency.service).
func Main(_ []string, _, stderr io.Writer) error {
	ctx, cancel := context.WithTimeout(context.Background(), pause)
	defer cancel()
	out := console.Open(stderr)
	console.Printf(out, "emergency: the boot cannot go on: %s", reason(ctx, systemd.Dial))
	console.Printf(out, "emergency: the machine restarts in %s", pause)
	<-ctx.Done()
	return nil
}

// reason names the units that failed and those that are missing for the file
// systems, such as a device that did not appear.
func reason(ctx context.Context, dial systemd.Dialer) string {
	manager, err := dial(ctx)
	if err != nil {
		return err.Error()
	}
	defer manager.Close()
	units, err1 := manager.FailedUnits(ctx)
	var failed []string
	for _, u := range units {
		failed = append(failed, u.Name)
	}
	missing, err2 := missing(ctx, manager)
	missing = slices.DeleteFunc(missing, func(u string) bool { return slices.Contains(failed, u) })

	var parts []string
	if len(failed) > 0 {
		slices.Sort(failed)
		parts = append(parts, "failed: "+strings.Join(failed, ", "))
	}
	if len(missing) > 0 {
		parts = append(parts, "missing: "+strings.Join(missing, ", "))
	}
	if err := errors.Join(err1, err2); err != nil {
		parts = append(parts, err.Error())
	}
	if len(parts) == 0 {
		return "somebody asked for it"
	}
	return strings.Join(parts, "; ")
}

// missing walks down from root through units that are not active and returns,
// sorted, those that lack nothing themselves: the causes.
func missing(ctx context.Context, manager systemd.Manager) ([]string, error) {
	needs, err := manager.Needs(ctx, root)
	if err != nil {
		return nil, err
	}
	var causes []string
	seen := map[string]bool{root: true}
	for len(needs) > 0 {
		unit := needs[0]
		needs = needs[1:]
		if seen[unit] {
			continue
		}
		seen[unit] = true
		lacks, err := inactiveNeeds(ctx, manager, unit)
		switch {
		case err != nil:
			return causes, err
		case lacks == nil: // the unit is active
		case len(lacks) == 0:
			causes = append(causes, unit)
		default:
			needs = append(needs, lacks...)
		}
	}
	slices.Sort(causes)
	return causes, nil
}

// inactiveNeeds returns what is not active of the needs of a unit, and nil if
// the unit itself is active.
func inactiveNeeds(ctx context.Context, manager systemd.Manager, unit string) ([]string, error) {
	state, err := manager.ActiveState(ctx, unit)
	if err != nil || state == "active" {
		return nil, err
	}
	needs, err := manager.Needs(ctx, unit)
	if err != nil {
		return nil, err
	}
	lacks := []string{}
	for _, n := range needs {
		state, err := manager.ActiveState(ctx, n)
		if err != nil {
			return nil, err
		}
		if state != "active" {
			lacks = append(lacks, n)
		}
	}
	return lacks, nil
}

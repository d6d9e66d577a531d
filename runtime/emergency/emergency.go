// Package emergency is what runs instead of a shell when the boot cannot go on:
// there is no shell in the image, and nobody at the console. It says which
// units failed and restarts the machine, so that a trial boot counts as failed
// and the other slot gets its turn.
package emergency

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// pause gives somebody at the console the time to read.
const pause = 30 * time.Second

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

// reason names the failed units, sorted.
func reason(ctx context.Context, dial systemd.Dialer) string {
	manager, err := dial(ctx)
	if err != nil {
		return err.Error()
	}
	defer manager.Close()
	failed, err := manager.FailedUnits(ctx)
	if err != nil {
		return err.Error()
	}
	if len(failed) == 0 {
		return "no unit has failed"
	}
	var names []string
	for _, u := range failed {
		names = append(names, fmt.Sprintf("%s (%s)", u.Name, u.Description))
	}
	slices.Sort(names)
	return "failed: " + strings.Join(names, ", ")
}

// Package update brings a host from one version to another: it looks for a
// version in the repository that the image trusts, writes it into the slot that
// is not running (packages fetch and slot), puts it on trial (package
// bootstate) and restarts when the settings allow it.
//
// What is in the slots and what boots is known to the disk and to bootstate's
// record; the updater keeps only what the repository said last and which
// command was under way. So it may end at any moment, and goes on when it is
// started again.
package update

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/slot"
)

// Errors that a caller may want to tell apart.
var (
	// ErrBusy: another command is under way.
	ErrBusy = errors.New("another command is under way")
	// ErrState: the command does not fit the state.
	ErrState = errors.New("not possible now")
	// ErrNoUpdate: there is no version to go on with.
	ErrNoUpdate = errors.New("there is no update")
	// ErrCancelled: somebody gave the command up.
	ErrCancelled = errors.New("cancelled by command")
)

// System is what runs.
type System struct {
	Variant, Arch, Version string
	RootHash               string // 64 hex digits
	Slot                   string // A or B
}

// Boot decides what boots; *bootstate.Manager does, with Room beside it.
type Boot interface {
	Prepare(bootstate.Update) error
	Stage(uki []byte) error
	Activate() error
	Deactivate() error
	Cancel() error
	Rollback() (intent.Version, error)
	Forget(which string) (int, error)
	Inspect() (bootstate.Status, error)
	// Room is how large a boot image may be, in bytes, once those are gone that
	// a new one replaces.
	Room() (int64, error)
	// Image is the boot image that runs.
	Image() ([]byte, error)
}

// Disk is the whole disk, while it is open.
type Disk interface {
	slot.Device
	io.Closer
}

// An Updater updates one host. Fill the exported fields, then call Start.
type Updater struct {
	System System
	// Root is the repository's root of trust, from the image; nil: the image
	// trusts none.
	Root []byte
	// Floor is a time before which it cannot be: that of the image's build.
	Floor time.Time
	// Dir holds the state, in FS, and metadata and files of the repository, in
	// the host's file system.
	Dir string
	FS  store.FS
	// Settings are asked for before each command.
	Settings func(ctx context.Context) (Config, error)
	Boot     Boot
	Disk     func() (Disk, error)
	HTTP     *http.Client
	// Restart restarts the host.
	Restart func(ctx context.Context) error
	// MachineID is that of /etc/machine-id.
	MachineID string
	Now       func() time.Time
	Log       *slog.Logger
	// Limits are those of package fetch where they are zero.
	Limits fetch.Limits
	// Patience bounds a look at the repository; 0: 5 minutes.
	Patience time.Duration

	life context.Context // ends with Close
	end  context.CancelFunc

	mu      sync.Mutex
	state   state
	note    string // what was wrong with the state file
	running *running
	waiting string // what a restart waits for
	known   bootKnown
	asked   time.Time // when a FleetLock server was, last
	touched time.Time // when somebody last asked for anything
}

// running is a command that is under way.
type running struct {
	command  string
	since    time.Time
	cancel   context.CancelCauseFunc
	done     chan struct{}
	progress *api.UpdateProgress
}

// Start reads the state and goes on with a prepare that was interrupted.
func (u *Updater) Start() error {
	u.life, u.end = context.WithCancel(context.Background())
	u.touched = u.Now()
	if err := u.load(); err != nil {
		return err
	}
	if u.state.Job == nil {
		return nil
	}
	if err := u.resume(); err != nil {
		u.Log.Error("going on with an update", "error", err)
	}
	return nil
}

// Close ends what is under way; the next Start goes on with it.
func (u *Updater) Close() {
	u.end()
	u.mu.Lock()
	r := u.running
	u.mu.Unlock()
	if r != nil {
		<-r.done
	}
}

// begin starts a command, unless another one is under way.
func (u *Updater) begin(command string) (context.Context, *running, error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.touched = u.Now()
	if r := u.running; r != nil {
		return nil, nil, fmt.Errorf("%w: %s, since %s", ErrBusy, r.command, r.since.UTC().Format(time.RFC3339))
	}
	if err := u.life.Err(); err != nil {
		return nil, nil, fmt.Errorf("%w: the updater is being stopped", ErrBusy)
	}
	ctx, cancel := context.WithCancelCause(u.life)
	u.running = &running{command: command, since: u.Now().UTC(), cancel: cancel, done: make(chan struct{})}
	return ctx, u.running, nil
}

// finish records what became of a command. One that the updater's own end cut
// off is not recorded: the next Start goes on with it.
func (u *Updater) finish(r *running, err error) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	defer close(r.done)
	r.cancel(nil)
	u.running, u.touched = nil, u.Now()
	u.known.when = time.Time{}
	if err != nil && u.life.Err() != nil {
		return err
	}
	if r.command == api.UpdatePrepare {
		u.state.Job = nil
	}
	if err != nil {
		u.Log.Error("update", "command", r.command, "error", err)
	} else {
		u.Log.Info("update", "command", r.command)
	}
	return errors.Join(err, u.record(r.command, err))
}

// record makes a command the most recent one. u.mu is held.
func (u *Updater) record(command string, err error) error {
	status, stderr := 0, ""
	result := &api.UpdateCommandResult{Type: command, Status: api.UpdateSuccess, Timestamp: u.Now().UTC(), ExitStatus: &status, Stderr: &stderr}
	if err != nil {
		status, stderr, result.Status = 1, oneLine(err), api.UpdateFailed
	}
	// Clients wait for another time: a clock that stands still gives one, too.
	if last := u.state.Command; last != nil && !result.Timestamp.After(last.Timestamp) {
		result.Timestamp = last.Timestamp.Add(1)
	}
	u.state.Command = result
	return u.save()
}

// now is the time, or the floor where the clock was never set.
func (u *Updater) now() time.Time {
	if now := u.Now(); now.After(u.Floor) {
		return now
	}
	return u.Floor
}

func (u *Updater) path(name ...string) string {
	return filepath.Join(append([]string{u.Dir}, name...)...)
}

package update

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/update/fleetlock"
)

// How often things are tried without anybody asking.
const (
	checkEvery = time.Hour
	retryEvery = 10 * time.Minute // a prepare that failed
	lockEvery  = 5 * time.Minute  // a FleetLock server that refused
)

// Run takes updates as the settings' strategy says, until ctx ends or there is
// nothing to do or to wait for and nobody has asked for anything for a time.
func (u *Updater) Run(ctx context.Context, tick, idle time.Duration) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		stay, err := u.Step(ctx)
		if err != nil && ctx.Err() == nil {
			u.Log.Warn("update", "strategy", "waits", "error", err)
		}
		if !stay && u.idle() > idle {
			return
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// Touch notes that somebody asked for something.
func (u *Updater) Touch() {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.touched = u.Now()
}

// idle is how long nothing was asked for or under way.
func (u *Updater) idle() time.Duration {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.running != nil {
		return 0
	}
	return u.Now().Sub(u.touched)
}

// Step does what the strategy asks for next and waits for its end. stay says
// that there is something to wait for.
func (u *Updater) Step(ctx context.Context) (stay bool, err error) {
	c, err := u.Settings(ctx)
	if err != nil {
		return false, err
	}
	b, err := u.inspect(fresh)
	if err != nil {
		return false, err
	}
	if b.State != "committed" {
		return false, nil // who waits for this boot to prove good asks for nothing else
	}
	s := u.snapshot()
	if s.running {
		return true, nil
	}
	if err := u.unlock(ctx, c, b, s); err != nil {
		return true, err
	}
	if c.Strategy == settings.StrategyManual || u.possible(c) != nil {
		u.wait("")
		return false, nil
	}
	switch state := s.stateOf(b); {
	case phase(b) == intent.Returning:
		return false, nil // whoever asked for the rollback restarts
	case state == api.UpdateStaged || state == api.UpdateReady:
		return true, u.proceed(ctx, c)
	}
	u.wait("")
	return false, u.take(ctx)
}

// snapshot is a copy of what a strategy decides by.
type snapshot struct {
	state
	running bool
}

func (u *Updater) snapshot() snapshot {
	u.mu.Lock()
	defer u.mu.Unlock()
	return snapshot{u.state, u.running != nil}
}

func (u *Updater) wait(text string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.waiting = text
}

// take looks for a version and prepares it.
func (u *Updater) take(ctx context.Context) error {
	if err := u.check(ctx); err != nil {
		return err
	}
	s := u.snapshot()
	if s.Chosen == nil || s.Chosen.RootHash == s.Declined || s.failedSince(u.Now().Add(-retryEvery)) {
		return nil
	}
	return u.await(ctx, u.prepareChosen)
}

// failedSince says whether a prepare failed after a time.
func (s *state) failedSince(t time.Time) bool {
	c := s.Command
	return c != nil && c.Type == api.UpdatePrepare && c.Status == api.UpdateFailed && c.Timestamp.After(t)
}

// check refreshes what is known of the repository, where that is old.
func (u *Updater) check(ctx context.Context) error {
	s := u.snapshot()
	if k := s.Checked; k != nil {
		every := checkEvery
		if k.Error != "" {
			every = retryEvery
		}
		if age := u.Now().Sub(k.Time); age >= 0 && age < every {
			return nil
		}
	}
	return u.await(ctx, u.Refresh)
}

// await starts a command and waits for its end.
func (u *Updater) await(ctx context.Context, start func() error) error {
	if err := start(); err != nil {
		return err
	}
	u.mu.Lock()
	r := u.running
	u.mu.Unlock()
	if r != nil {
		select {
		case <-r.done:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if c := u.snapshot().Command; c != nil && c.Status == api.UpdateFailed {
		return fmt.Errorf("%s: %s", c.Type, *c.Stderr)
	}
	return nil
}

// proceed goes on with a version that is staged: to a newer one, back where
// its publisher took it away, or to the restart.
func (u *Updater) proceed(ctx context.Context, c Config) error {
	if err := u.check(ctx); err != nil {
		u.wait("a look at the repository: " + oneLine(err))
		return err
	}
	b, err := u.inspect(fresh)
	if err != nil || phase(b) == "" {
		return err
	}
	s, to := u.snapshot(), b.Intent.To
	switch k := s.Checked; {
	case k == nil || k.Error != "":
		u.wait("a look at the repository")
		return nil
	case !slices.Contains(s.Available, to.Version):
		u.Log.Info("update", "version", to.Version, "given up", "it is not offered any more")
		return u.at(api.UpdateCancel, nil, u.Boot.Cancel)
	case phase(b) == intent.Staged && s.Chosen != nil && s.Chosen.RootHash != to.RootHash && s.Chosen.RootHash != s.Declined:
		return u.await(ctx, u.prepareChosen)
	}
	why, err := u.turn(ctx, c)
	if u.wait(why); err != nil || why != "" {
		return err
	}
	if phase(b) == intent.Staged {
		if err := u.Activate(); err != nil {
			return err
		}
	}
	u.Log.Info("update", "restarting into", to.Version)
	u.wait("the restart")
	return u.Restart(ctx)
}

// turn says what a restart has to wait for, "" for nothing.
func (u *Updater) turn(ctx context.Context, c Config) (string, error) {
	switch c.Strategy {
	case settings.StrategyImmediate:
		return "", nil
	case settings.StrategyWindow:
		return u.inWindow(c.Window), nil
	case settings.StrategyFleetLock:
		return u.lock(ctx, c)
	}
	return fmt.Sprintf("a strategy other than %q", c.Strategy), nil
}

func (u *Updater) inWindow(w settings.Window) string {
	switch now := u.Now(); {
	case w == "":
		return "a window: the setting updates.window is not set"
	case now.Before(u.Floor):
		return "the clock to be set"
	case !w.Contains(now):
		return fmt.Sprintf("the window %s (UTC)", w)
	}
	return ""
}

// lock asks for the turn. That the host may have it is on the disk before it
// is asked for, so that it is always given back.
func (u *Updater) lock(ctx context.Context, c Config) (string, error) {
	if c.LockURL == "" {
		return "a FleetLock server: the setting updates.fleet-lock.url is not set", nil
	}
	u.mu.Lock()
	last, waiting := u.asked, u.waiting
	u.mu.Unlock()
	if age := u.Now().Sub(last); !last.IsZero() && age >= 0 && age < lockEvery && waiting != "" {
		return waiting, nil
	}
	client, err := u.fleetLock(lockedAt{c.LockURL, c.LockGroup})
	if err != nil {
		return oneLine(err), err
	}
	if err := u.change(func(s *state) { s.LockedAt = &lockedAt{c.LockURL, c.LockGroup} }); err != nil {
		return oneLine(err), err
	}
	u.mu.Lock()
	u.asked = u.Now()
	u.mu.Unlock()
	switch err := client.Lock(ctx); {
	case err == nil:
		return "", nil
	case errors.Is(err, fleetlock.ErrRefused):
		return "the turn: " + oneLine(err), nil
	default:
		return "the FleetLock server: " + oneLine(err), err
	}
}

// unlock gives the turn back once this host does not wait for a restart any
// more, on the new version or on the old one.
func (u *Updater) unlock(ctx context.Context, c Config, b bootstate.Status, s snapshot) error {
	at := s.LockedAt
	if at == nil {
		return nil
	}
	waits := phase(b) == intent.Staged || phase(b) == intent.Active
	if waits && c.Strategy == settings.StrategyFleetLock && *at == (lockedAt{c.LockURL, c.LockGroup}) {
		return nil
	}
	client, err := u.fleetLock(*at)
	if err != nil {
		return err
	}
	if err := client.Unlock(ctx); err != nil {
		u.wait("the FleetLock server, to give back the turn: " + oneLine(err))
		return err
	}
	return u.change(func(s *state) { s.LockedAt = nil })
}

func (u *Updater) fleetLock(at lockedAt) (*fleetlock.Client, error) {
	id, err := fleetlock.ID(u.MachineID)
	if err != nil {
		return nil, err
	}
	return &fleetlock.Client{HTTP: u.HTTP, URL: at.URL, ID: id, Group: at.Group}, nil
}

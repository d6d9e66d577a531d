package update

import (
	"errors"
	"fmt"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
)

// at runs a command that takes no time: check says whether it fits the state,
// do carries it out.
func (u *Updater) at(command string, check func(bootstate.Status) error, do func() error) error {
	_, r, err := u.begin(command)
	if err != nil {
		return err
	}
	b, err := u.inspect(0)
	if err == nil && check != nil {
		err = check(b)
	}
	if err != nil {
		u.drop(r)
		return err
	}
	return u.finish(r, do())
}

// Activate puts the staged version on trial: it is what boots next.
func (u *Updater) Activate() error {
	return u.at(api.UpdateActivate, func(b bootstate.Status) error {
		switch phase(b) {
		case intent.Staged:
			return u.holds(target{UpdateImage: api.UpdateImage{Version: b.Intent.To.Version}, RootHash: b.Intent.To.RootHash})
		case intent.Active:
			return fmt.Errorf("%w: version %s is what boots next already", ErrState, b.Intent.To.Version)
		}
		return fmt.Errorf("%w: nothing is staged; prepare a version first", ErrNoUpdate)
	}, u.Boot.Activate)
}

// Deactivate takes the version that boots next back; it stays staged.
func (u *Updater) Deactivate() error {
	return u.at(api.UpdateDeactivate, func(b bootstate.Status) error {
		if phase(b) != intent.Active {
			return fmt.Errorf("%w: no version waits to be booted", ErrState)
		}
		return nil
	}, u.Boot.Deactivate)
}

// Cancel gives up what is under way, from a running prepare to a version that
// would boot next. It waits until that has ended.
func (u *Updater) Cancel() error {
	u.mu.Lock()
	r := u.running
	u.mu.Unlock()
	stopped := r != nil && (r.command == api.UpdatePrepare || r.command == api.UpdateRefresh)
	if stopped {
		r.cancel(ErrCancelled)
		<-r.done
	}
	var underWay bool
	return u.at(api.UpdateCancel, func(b bootstate.Status) error {
		p := phase(b)
		if underWay = p != "" && p != intent.Returning; !underWay && !stopped {
			return fmt.Errorf("%w: nothing is under way", ErrState)
		}
		return nil
	}, func() error {
		err := u.forgetFiles()
		if underWay {
			err = errors.Join(err, u.Boot.Cancel())
		}
		return errors.Join(err, u.change(decline))
	})
}

func decline(s *state) {
	if s.Chosen != nil {
		s.Declined = s.Chosen.RootHash
	}
}

// Rollback makes the other slot boot next, which holds a version that was good
// once. The version that runs is not taken again until it is forgotten.
func (u *Updater) Rollback() error {
	return u.at(api.UpdateRollback, nil, func() error {
		v, err := u.Boot.Rollback()
		if err == nil {
			u.Log.Info("update", "rolling back to", v.Version, "slot", v.Slot)
			// What was chosen may be what is being left.
			err = u.change(func(s *state) { s.Chosen = nil })
		}
		return err
	})
}

// Forget lets versions that failed here be taken again: one by version or root
// hash, or all by "". The next refresh offers them.
func (u *Updater) Forget(which string) error {
	u.mu.Lock()
	busy := u.running != nil
	u.mu.Unlock()
	if busy {
		return ErrBusy
	}
	n, err := u.Boot.Forget(which)
	if err != nil {
		return err
	}
	if n == 0 && which != "" {
		return fmt.Errorf("%w: version %q did not fail here", ErrNoUpdate, which)
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.known.when, u.touched = u.known.when.AddDate(-1, 0, 0), u.Now()
	return nil
}

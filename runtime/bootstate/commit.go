package bootstate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

// CommitBoot is to be called when the boot proved good. It commits the version
// on trial, if that is what runs, and says whether it did; on all other boots
// it is content. It is ErrNotMeant where a trial runs that the record does not
// name: such a boot is not good, see Gate.
func (m *Manager) CommitBoot() (bool, error) {
	s, err := m.begin()
	if err != nil {
		return false, err
	}
	defer s.end()
	own, i := s.own(), s.rec.Intent
	active := i != nil && i.Phase == intent.Active
	if own == nil && !active {
		return false, nil // started by other means than the loader's: nothing to commit
	}
	if own == nil {
		return false, ErrNoEntry
	}
	if !active || !s.meant() {
		if own.Counted && !own.Proven() {
			return false, s.notMeant()
		}
		return false, errors.Join(s.settle(), s.guard())
	}
	// The one step that decides. From here on both versions are proven.
	if own.Counted {
		if err := s.rename(own, plain(own)); err != nil {
			return false, err
		}
	}
	if err := s.preferOwn(); err != nil {
		return true, err
	}
	i.End(intent.Committed, "committed", m.Now())
	s.rec.Preferred, s.rec.Returns = m.Running.Version, 0
	s.rec.Failed = slices.DeleteFunc(s.rec.Failed, func(f intent.Failure) bool { return f.RootHash == i.To.RootHash })
	if err := s.save(); err != nil {
		return true, err
	}
	return true, s.guard()
}

func (s *session) notMeant() error {
	r, i := s.Running, s.rec.Intent
	if i == nil {
		return fmt.Errorf("%w: version %s in slot %s is on trial, but there is no record of it", ErrNotMeant, r.Version.Version, r.Slot)
	}
	return fmt.Errorf("%w: it is version %s in slot %s with root hash %s; the record says %s, slot %s, %s, and is %s",
		ErrNotMeant, r.Version.Version, r.Slot, r.RootHash, i.To.Version, i.To.Slot, i.To.RootHash, i.Phase)
}

// comesFirst says whether the loader would start a rather than b, were neither
// on trial.
func comesFirst(a, b *esp.Entry) bool {
	x, y := a.Entry, b.Entry
	x.Name, y.Name = plain(a), plain(b)
	return sdboot.Compare(x, y) < 0
}

// preferOwn sets aside what the loader would start rather than what runs.
func (s *session) preferOwn() error {
	own := s.own()
	for {
		at := slices.IndexFunc(s.entries, func(e esp.Entry) bool {
			return !e.Beside && e.Err == nil && e.RootHash != s.Running.RootHash && !e.Counted && comesFirst(&e, own)
		})
		if at < 0 {
			return nil
		}
		if err := s.rename(&s.entries[at], aside(&s.entries[at])); err != nil {
			return err
		}
		own = s.own()
	}
}

// settle: what runs came up, and is what is preferred.
func (s *session) settle() error {
	if s.rec.Preferred == s.Running.Version && s.rec.Returns == 0 {
		return nil
	}
	if s.rec.Preferred != (intent.Version{}) && s.rec.Preferred != s.Running.Version {
		return nil // somebody chose it at the loader's menu
	}
	s.rec.Preferred, s.rec.Returns = s.Running.Version, 0
	return s.save()
}

// Guard arms the second line, on a boot that proved good and whenever the host
// is shut down in order: the next boot is of what runs, and one after that, if
// it did not come as far as here, of the other proven version. Where there is
// none, or the variables cannot be written, there is no second line.
func (m *Manager) Guard() error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	defer s.end()
	return s.guard()
}

func (s *session) guard() error {
	own, other := s.own(), s.other()
	if own == nil || own.Counted || other == nil || other.Counted ||
		s.rec.Intent.UnderWay() || s.rec.Preferred != s.Running.Version {
		return nil
	}
	if err := s.setVars(own.ID, other.ID); !errors.Is(err, efivar.ErrNone) {
		return err
	}
	return nil
}

// Gate decides what is to happen on a boot that did not prove good: a version
// on trial that has something to fall back to is given up for this try, with
// the reason on record. One that is committed stays up, degraded: it was good
// before, and more boots of it would not help whoever has to look at it.
func (m *Manager) Gate(reason string) (reboot bool, err error) {
	s, err := m.begin()
	if err != nil {
		return false, err
	}
	defer s.end()
	own := s.own()
	if own == nil || !own.Counted || own.Proven() {
		return false, nil
	}
	if s.meant() && s.rec.Intent.Phase == intent.Active {
		i := s.rec.Intent
		i.LastError, i.LastErrorBoot = intent.Clip(reason), s.Running.BootID
		i.AddBoot(s.Running.BootID)
		err = s.save()
	}
	return s.fallback(), err
}

package bootstate

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

// An Update is a version that somebody wants in the other slot.
type Update struct {
	intent.Version
	Source string // where it comes from, for people
	// Force takes a version that failed here.
	Force bool
}

// Prepare opens the other slot to be written, and must be called before the
// first byte of it is. It refuses where the other slot is needed. From then
// on the other slot does not boot: its boot entry is gone before Prepare
// returns.
func (m *Manager) Prepare(u Update) error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	defer s.end()
	if err := s.mayPrepare(u); err != nil {
		return err
	}
	// The second line ends first: its choice for all boots is the other slot.
	if err := s.setVars("", ""); err != nil {
		return err
	}
	s.rec.Intent = &intent.Intent{
		To: u.Version, From: m.Running.Version, Source: intent.Clip(u.Source),
		Phase: intent.Preparing, Began: m.Now().UTC(), Tries: Tries,
	}
	if err := s.save(); err != nil {
		return err
	}
	return s.removeOthers()
}

func (s *session) mayPrepare(u Update) error {
	if err := u.Check(); err != nil {
		return err
	}
	i, own := s.rec.Intent, s.own()
	switch {
	case own == nil:
		return ErrNoEntry
	case own.Counted && own.Aside():
		return fmt.Errorf("%w: version %s was set aside by a rollback", ErrPhase, s.Running.Version.Version)
	case own.Counted:
		return ErrOnTrial
	case i != nil && (i.Phase == intent.Active || i.Phase == intent.Returning):
		return fmt.Errorf("%w: version %s is to be booted next; cancel that first", ErrPhase, i.To.Version)
	case u.Slot == s.Running.Slot:
		return fmt.Errorf("%w: slot %s runs", ErrPhase, u.Slot)
	case u.RootHash == s.Running.RootHash:
		return fmt.Errorf("%w: that very image runs, and one boot entry cannot tell two slots apart", ErrPhase)
	}
	if f := s.rec.Refused(u.RootHash); f != nil && !u.Force {
		return fmt.Errorf("%w at %s: %s", ErrRefused, f.When.Format("2006-01-02 15:04"), f.Reason)
	}
	return nil
}

// removeOthers removes every entry that is not of what runs, and of the same
// product: names begin with ID and "_".
func (s *session) removeOthers() error {
	product, _, _ := strings.Cut(s.own().ID, "_")
	var files []string
	for _, e := range s.entries {
		if e.RootHash != s.Running.RootHash && strings.HasPrefix(e.ID, product+"_") {
			files = append(files, e.File)
		}
	}
	if err := s.ESP.Remove(files...); err != nil {
		return err
	}
	return s.list()
}

// safe is what may be part of a name in EFI/Linux, see imagetool/assemble.
var safe = regexp.MustCompile(`^[a-z0-9][a-z0-9.~^-]*$`)

// EntryID is the ID of the boot entry of an image: product, version, and the
// beginning of the root hash, so that two builds of one version differ.
func EntryID(product string, v intent.Version) (string, error) {
	for _, part := range []string{product, v.Version} {
		if !safe.MatchString(part) {
			return "", fmt.Errorf("%q cannot be part of the name of a boot entry", part)
		}
	}
	return fmt.Sprintf("%s_%s_%s.efi", product, v.Version, v.RootHash[:8]), nil
}

// Stage puts the image beside the boot entries, where the loader does not see
// it, after the slot was written and checked. The image must boot the root
// hash, and carry the version, that Prepare was told.
func (m *Manager) Stage(uki []byte) error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	defer s.end()
	i := s.rec.Intent
	if i == nil || i.Phase != intent.Preparing && i.Phase != intent.Staged {
		return fmt.Errorf("%w: nothing is being prepared", ErrPhase)
	}
	own := s.own()
	if own == nil {
		return ErrNoEntry
	}
	id, err := EntryID(own.SortKey, i.To)
	if err != nil {
		return err
	}
	e, err := esp.Describe(sdboot.Name{ID: id}, bytes.NewReader(uki), int64(len(uki)))
	if err != nil {
		return fmt.Errorf("checking the boot image: %w", err)
	}
	if e.RootHash != i.To.RootHash || e.Release != i.To.Version || e.SortKey != own.SortKey {
		return fmt.Errorf("checking the boot image: it is %s %s with root hash %s, want %s %s with %s",
			e.SortKey, e.Release, e.RootHash, own.SortKey, i.To.Version, i.To.RootHash)
	}
	if err := s.ESP.Put(id, uki); err != nil {
		return err
	}
	i.Entry, i.Phase = id, intent.Staged
	// The trial will have an ID of its own, and tries left when it is chosen.
	e.Counted, e.Left = true, i.Tries
	i.OneShot = sdboot.Compare(e.Entry, own.Entry) > 0
	return s.save()
}

// Activate puts the staged version on trial: the next boot is of it.
func (m *Manager) Activate() error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	defer s.end()
	i := s.rec.Intent
	if i == nil || i.Phase != intent.Staged && i.Phase != intent.Active {
		return fmt.Errorf("%w: nothing is staged", ErrPhase)
	}
	if s.meant() {
		return fmt.Errorf("%w: version %s runs", ErrPhase, i.To.Version)
	}
	if e := s.find(i.To.RootHash); i.Phase == intent.Active && e != nil {
		return nil
	}
	if !s.waiting() {
		return fmt.Errorf("%w: the boot image of version %s is gone; it has to be staged again", ErrPhase, i.To.Version)
	}
	i.Phase, i.Asked, i.Boots, i.LastError, i.LastErrorBoot = intent.Active, 0, nil, "", ""
	if err := s.save(); err != nil {
		return err
	}
	if err := s.choose(i); err != nil {
		i.Phase = intent.Staged
		return errors.Join(err, s.save())
	}
	return s.ESP.Rename(esp.BesideName(i.Entry), sdboot.Name{ID: i.Entry, Counted: true, Left: i.Tries}.File())
}

// choose makes the loader start the trial. Where its order does, nothing may
// be in the way; where it does not, for a version that is older, the variable
// for the next boot alone does. The variable for all boots would start the
// trial even when its tries are used up.
func (s *session) choose(i *intent.Intent) error {
	oneShot := ""
	if i.OneShot {
		oneShot = i.Entry
	}
	if err := s.setVars(oneShot, ""); err != nil {
		if i.OneShot {
			return fmt.Errorf("the boot loader prefers the version that runs to %s: %w", i.To.Version, err)
		}
		return err
	}
	return nil
}

// Deactivate takes the staged version off trial again; it stays staged.
func (m *Manager) Deactivate() error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	defer s.end()
	i := s.rec.Intent
	if i == nil || i.Phase != intent.Active || s.meant() {
		return fmt.Errorf("%w: no version waits to be booted", ErrPhase)
	}
	return s.deactivate()
}

func (s *session) deactivate() error {
	i := s.rec.Intent
	if err := s.setVars("", ""); err != nil {
		return err
	}
	if e := s.find(i.To.RootHash); e != nil {
		if e.Proven() {
			return fmt.Errorf("%w: version %s is committed", ErrPhase, i.To.Version)
		}
		target := esp.BesideName(i.Entry)
		if s.waiting() { // as a second name of it, left by a power cut
			target = s.shadow(i.Entry)
		}
		if err := s.ESP.Rename(e.File, target); err != nil {
			return err
		}
	}
	i.Phase = intent.Staged
	return s.save()
}

// Cancel gives up what is under way. What lies in the other slot does not
// boot, and may be prepared anew.
func (m *Manager) Cancel() error {
	s, err := m.begin()
	if err != nil {
		return err
	}
	defer s.end()
	i := s.rec.Intent
	if !i.UnderWay() || i.Phase == intent.Returning || s.meant() {
		return fmt.Errorf("%w: nothing is under way", ErrPhase)
	}
	if i.Phase == intent.Active {
		if err := s.deactivate(); err != nil {
			return err
		}
	}
	i.End(intent.Cancelled, "cancelled by command", m.Now())
	if err := s.save(); err != nil {
		return err
	}
	if err := s.list(); err != nil {
		return err
	}
	return s.sweep()
}

// Forget lets versions that failed be tried again: one by version or root
// hash, or all by "".
func (m *Manager) Forget(which string) (int, error) {
	s, err := m.begin()
	if err != nil {
		return 0, err
	}
	defer s.end()
	n := s.rec.Forget(which)
	if n == 0 {
		return 0, nil
	}
	return n, s.save()
}

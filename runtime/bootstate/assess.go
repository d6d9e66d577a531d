package bootstate

import (
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
)

// MaxReturns is how often in a row the other slot gives way to the preferred
// one that did not come up.
const MaxReturns = 2

// An Assessment is what an early look at a boot found.
type Assessment struct {
	// Trial says that this boot is one of a version that is not committed.
	Trial bool
	// FellBack says that this boot found out that a version failed; Reason says
	// which and why.
	FellBack bool
	Reason   string
	// Reboot says that the host is to restart at once, Why what for.
	Reboot bool
	Why    string
	// Notes are what was odd and was put right, or not.
	Notes []string
}

func (a *Assessment) note(format string, args ...any) {
	a.Notes = append(a.Notes, fmt.Sprintf(format, args...))
}

// Assess looks, early in each boot, at which slot booted and what became of a
// trial, and brings record and entries together. An error means that not all
// of it could be done; the boot goes on.
func (m *Manager) Assess() (Assessment, error) {
	var a Assessment
	s, err := m.begin()
	if err != nil {
		return a, err
	}
	defer s.end()
	if s.note != "" {
		a.note("%s", s.note)
	}
	before := clone(s.rec)
	err = errors.Join(s.repair(&a), s.judge(&a))
	if a.Reboot && err != nil {
		a.Reboot = false // what was to be asked of the loader may not have reached it
	}
	if !equal(before, s.rec) {
		err = errors.Join(err, s.save())
	}
	if err == nil {
		err = errors.Join(s.sweep(), s.clearDefault())
	}
	return a, err
}

// repair puts right what a torn rename, or somebody at the loader's menu, left.
func (s *session) repair(a *Assessment) error {
	own := s.own()
	if own == nil {
		a.note("%v: the next boot will be of another, or of none", ErrNoEntry)
		return nil
	}
	for _, e := range s.entries {
		// Two names of one image share its blocks: to remove one would take
		// them from the other. The loader passes over the one with no tries.
		if !e.Beside && e.ID == own.ID && e.Err == nil && e.File != own.File && e.Counted && e.Left > 0 {
			a.note("%s is a second name of %s, left by a power cut", e.File, own.File)
			if err := s.ESP.Rename(e.File, s.shadow(e.ID)); err != nil {
				return err
			}
		}
	}
	if err := s.list(); err != nil {
		return err
	}
	own = s.own()
	trial := s.meant() && s.rec.Intent.Phase == intent.Active
	if own.Bad() && !trial && s.other() == nil && s.known() {
		a.note("%s was set aside, but is all that is left", own.File)
		return s.rename(own, plain(own))
	}
	return nil
}

// known says whether what runs was committed, as far as the record goes.
func (s *session) known() bool {
	i := s.rec.Intent
	return s.rec.Preferred == s.Running.Version || i != nil && i.From == s.Running.Version
}

// judge finds out what became of what was under way.
func (s *session) judge(a *Assessment) error {
	i := s.rec.Intent
	own := s.own()
	a.Trial = own != nil && own.Counted && !own.Proven()
	switch {
	case !i.UnderWay():
		return s.giveWay(a)
	case s.meant():
		return s.arrived(a)
	case i.To.Slot == s.Running.Slot:
		i.End(intent.Cancelled, "the slot that was to be written runs", s.Now())
		return s.giveWay(a)
	case i.Phase == intent.Returning:
		// The command was not carried out: the old version was to be left.
		a.note("the rollback to version %s did not take place", i.To.Version)
		s.rec.Forget(s.Running.RootHash)
		i.End(intent.Failed, "the host still runs the version that was to be left", s.Now())
	case i.Phase == intent.Active:
		return s.fellBack(a)
	}
	return nil
}

// arrived: this boot is of what was meant.
func (s *session) arrived(a *Assessment) error {
	i := s.rec.Intent
	switch i.Phase {
	case intent.Active:
		i.AddBoot(s.Running.BootID)
		if own := s.own(); own != nil && own.Bad() && s.fallback() {
			a.note("the last try of version %s", i.To.Version)
		}
	case intent.Returning:
		s.rec.Preferred, s.rec.Returns = s.Running.Version, 0
		i.End(intent.RolledBack, "rolled back by command", s.Now())
	}
	return nil
}

// fellBack: a version is on trial, and this boot is of the one before.
func (s *session) fellBack(a *Assessment) error {
	i := s.rec.Intent
	e := s.find(i.To.RootHash)
	switch {
	case e == nil && s.waiting():
		i.Phase = intent.Staged // the power failed before it was put on trial, or after it was taken off
	case e == nil:
		s.fail(a, "its boot entry is gone, as after a power cut while it was renamed", true)
	case !e.Counted:
		return s.finish(a, e)
	case e.Left == 0:
		s.fail(a, s.reason(e.Done), false)
	case i.OneShot:
		return s.ask(a, e)
	case e.Done > 0:
		a.note("version %s is on trial, with %d tries left, but this one was started", i.To.Version, e.Left)
	}
	return nil
}

// finish: the trial was committed, but the power failed before the loader was
// made to prefer it.
func (s *session) finish(a *Assessment, e *esp.Entry) error {
	own := s.own()
	if own != nil && !own.Counted && comesFirst(own, e) {
		if err := s.setVars("", ""); err != nil {
			return err
		}
		if err := s.rename(own, aside(own)); err != nil {
			return err
		}
		a.Reboot, a.Why = true, fmt.Sprintf("version %s is committed", s.rec.Intent.To.Version)
		return nil
	}
	i := s.rec.Intent
	i.End(intent.Committed, "committed", s.Now())
	s.rec.Preferred, s.rec.Returns = i.To, 0
	return s.giveWay(a)
}

// ask lets the trial have another try, which the loader does not by itself.
func (s *session) ask(a *Assessment, e *esp.Entry) error {
	i := s.rec.Intent
	if e.Done > 0 {
		if i.Asked++; i.Asked >= i.Tries {
			s.fail(a, s.reason(e.Done), false)
			return nil
		}
		// On disk before the reboot: the count is what ends it.
		if err := s.save(); err != nil {
			return err
		}
	}
	if err := s.choose(i); err != nil {
		s.fail(a, err.Error(), false)
		return nil
	}
	if e.Done > 0 {
		a.Reboot, a.Why = true, fmt.Sprintf("version %s has %d tries left", i.To.Version, e.Left)
	}
	return nil
}

// fail ends the trial; the version is not taken again.
func (s *session) fail(a *Assessment, reason string, lost bool) {
	i := s.rec.Intent
	i.End(intent.Failed, reason, s.Now())
	s.rec.Fail(i.To, reason, lost, s.Now())
	a.FellBack, a.Reason = true, fmt.Sprintf("version %s failed: %s", i.To.Version, i.Reason)
}

// reason is why the trial's boots were not good, as far as anything says.
func (s *session) reason(done int) string {
	i := s.rec.Intent
	tried := fmt.Sprintf("tried %d times", done)
	last := ""
	if n := len(i.Boots); n > 0 {
		last = i.Boots[n-1]
	}
	if i.LastError != "" {
		return fmt.Sprintf("%s; boot %s: %s", tried, i.LastErrorBoot, i.LastError)
	}
	if s.Evidence != nil {
		if e := s.Evidence(last); e != "" {
			return fmt.Sprintf("%s; %s", tried, e)
		}
	}
	if last == "" {
		return tried + "; no boot came as far as the STATE partition: a kernel panic, an unreadable root, a hang or a power cut"
	}
	return fmt.Sprintf("%s; boot %s ended without a word: a kernel panic, a hang or a power cut", tried, last)
}

// giveWay is the second line: where the preferred version, committed and good
// once, did not come up, this one lets it try again, and then stays.
func (s *session) giveWay(a *Assessment) error {
	own, pref := s.own(), s.rec.Preferred
	if pref == (intent.Version{}) || pref == s.Running.Version || own == nil || !own.Proven() {
		return nil
	}
	e := s.find(pref.RootHash)
	if e != nil && !e.Counted {
		if s.rec.Returns < MaxReturns {
			s.rec.Returns++
			if err := s.save(); err != nil {
				return err
			}
			if err := s.setVars(e.ID, own.ID); err != nil {
				return err
			}
			a.Reboot, a.Why = true, fmt.Sprintf("version %s, which did not come up, is tried again", pref.Version)
			return nil
		}
		if err := s.rename(e, aside(e)); err != nil {
			return err
		}
	}
	reason := fmt.Sprintf("committed, but did not come up %d times in a row", s.rec.Returns+1)
	if e == nil {
		reason = "committed, but its boot entry is gone"
	} else if s.Evidence != nil {
		if seen := s.Evidence(""); seen != "" {
			reason += "; " + seen
		}
	}
	return s.giveUp(a, pref, reason)
}

// giveUp stays with what runs.
func (s *session) giveUp(a *Assessment, pref intent.Version, reason string) error {
	if err := s.setVars("", ""); err != nil {
		return err
	}
	s.rec.Fail(pref, reason, false, s.Now())
	if i := s.rec.Intent; i != nil && i.To == pref {
		i.End(intent.Failed, reason, s.Now())
	}
	s.rec.Preferred, s.rec.Returns = s.Running.Version, 0
	a.FellBack, a.Reason = true, fmt.Sprintf("version %s failed: %s", pref.Version, reason)
	if own := s.own(); own.Counted { // it was set aside, and now stays
		return s.rename(own, plain(own))
	}
	return nil
}

// sweep removes what nothing refers to: entries of trials that ended, and
// images that wait for nothing. What runs and what is proven stays.
func (s *session) sweep() error {
	if s.own() == nil {
		return nil
	}
	var files []string
	for _, e := range s.entries {
		if e.Empty() || !s.needed(e) && !slices.ContainsFunc(s.entries, func(o esp.Entry) bool { return o.ID == e.ID && s.needed(o) }) {
			files = append(files, e.File)
		}
	}
	if len(files) == 0 {
		return nil
	}
	if err := s.ESP.Remove(files...); err != nil {
		return err
	}
	return s.list()
}

// needed says whether an entry is to stay, and so are all names of its image.
func (s *session) needed(e esp.Entry) bool {
	i := s.rec.Intent
	switch {
	case e.Err != nil: // not for this one to say what it is; Prepare removes it
		return !e.Beside && !e.Empty()
	case e.RootHash == s.Running.RootHash && !e.Beside, i.UnderWay() && e.ID == i.Entry:
		return true
	}
	return !e.Beside && e.Proven()
}

// clearDefault takes away a choice for all boots, but for that of the second
// line: the loader would start what it names even when that is exhausted.
func (s *session) clearDefault() error {
	def, err := s.Vars.Get(efivar.Default)
	if err != nil || def == "" {
		return err
	}
	for _, e := range s.entries {
		if e.ID == def && !e.Counted && !e.Beside && !s.rec.Intent.UnderWay() {
			return nil
		}
	}
	return s.Vars.Set(efivar.Default, "")
}

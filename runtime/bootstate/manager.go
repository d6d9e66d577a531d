// Package bootstate decides which slot boots: it puts a new version's boot
// entry on trial, commits it once the boot proved good, takes it back when it
// did not, and remembers why. docs/design/0005-slots-and-trials.md has the
// reasons; package sdboot has the rules of the boot loader.
//
// What is meant is in the record (package intent, in STATE); what boots is in
// the names of the entries (package esp). The names rule: every operation
// changes record and names in an order such that a power cut between any two
// steps leaves an entry that was proven good, and Assess brings the record to
// what the names say.
package bootstate

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

// Tries is how many boots a new version is given.
const Tries = 3

// Errors that a caller may want to tell apart.
var (
	// ErrOnTrial: what runs is not committed yet, so that the other slot is
	// what it would fall back to, and must not be touched.
	ErrOnTrial = errors.New("this version is still on trial")
	// ErrRefused: the version failed here. Forget lets it in again.
	ErrRefused = errors.New("this version failed on this host")
	// ErrPhase: the operation does not fit what is under way.
	ErrPhase = errors.New("not possible now")
	// ErrNoEntry: there is no boot entry for what runs, so that the other slot
	// is all that would boot.
	ErrNoEntry = errors.New("there is no boot entry for the version that runs")
	// ErrNoOther: there is no proven version in the other slot.
	ErrNoOther = errors.New("the other slot holds no version that was good once")
	// ErrNotMeant: what runs is not what was staged.
	ErrNotMeant = errors.New("what runs is not what was meant to be tried")
)

// Running is what this boot is of.
type Running struct {
	intent.Version
	BootID string
}

// A Manager keeps record and boot entries. Its operations are safe in several
// processes: while one is at it, the others get store.ErrLocked.
type Manager struct {
	Record  intent.File
	ESP     esp.Folder
	Vars    efivar.Variables
	Running Running
	Now     func() time.Time
	// Evidence is what a boot that ended left behind of why, "" if nothing;
	// the ID is "" where it is not known. May be nil.
	Evidence func(bootID string) string
}

// A session is one operation under the lock.
type session struct {
	*Manager
	rec     intent.Record
	note    string // what was wrong with the record
	entries []esp.Entry
	lock    io.Closer
}

func (m *Manager) begin() (*session, error) {
	lock, err := m.Record.Lock()
	if err != nil {
		return nil, err
	}
	s := &session{Manager: m, lock: lock}
	if s.rec, s.note, err = m.Record.Read(); err == nil {
		err = s.list()
	}
	if err != nil {
		lock.Close()
		return nil, err
	}
	return s, nil
}

func (s *session) end() { s.lock.Close() }

func (s *session) list() (err error) {
	s.entries, err = s.ESP.List()
	return err
}

func (s *session) save() error { return s.Record.Write(s.rec) }

// find returns the entry of a root hash, one without a counter before others:
// a torn rename may have left two names for one image.
func (s *session) find(rootHash string) *esp.Entry {
	var found *esp.Entry
	for i := range s.entries {
		e := &s.entries[i]
		if e.Beside || e.Err != nil || e.RootHash != rootHash {
			continue
		}
		if found == nil || !e.Counted {
			found = e
		}
	}
	return found
}

// own is the entry of what runs, nil if there is none.
func (s *session) own() *esp.Entry { return s.find(s.Running.RootHash) }

// other is a proven entry of another version, nil if there is none; one that
// was not set aside before one that was.
func (s *session) other() *esp.Entry {
	var found *esp.Entry
	for i := range s.entries {
		e := &s.entries[i]
		if e.Beside || e.Err != nil || e.RootHash == s.Running.RootHash || !e.Proven() {
			continue
		}
		if found == nil || !e.Counted {
			found = e
		}
	}
	return found
}

// fallback says whether something is there to fall back to from what runs.
func (s *session) fallback() bool { return s.other() != nil }

// meant says whether what runs is what the intent's trial is of.
func (s *session) meant() bool {
	return s.rec.Intent != nil && s.rec.Intent.To == s.Running.Version
}

// waiting is whether the intent's image lies beside the entries.
func (s *session) waiting() bool {
	i := s.rec.Intent
	for _, e := range s.entries {
		if e.Beside && e.Err == nil && e.RootHash == i.To.RootHash && e.ID == i.Entry {
			return true
		}
	}
	return false
}

// rename changes an entry's name, there and in the list. Where a torn rename
// left the new name, with nothing behind it, that goes first; where it left it
// as a second name of the image, the old one becomes one that is not started.
func (s *session) rename(e *esp.Entry, to sdboot.Name) error {
	from, target := e.File, to.File()
	at := slices.IndexFunc(s.entries, func(o esp.Entry) bool { return o.File == target })
	switch {
	case at < 0:
	case s.entries[at].Empty():
		if err := s.ESP.Remove(target); err != nil {
			return err
		}
	case s.entries[at].RootHash == e.RootHash && s.entries[at].Err == nil:
		target = s.shadow(e.ID)
	}
	if err := s.ESP.Rename(from, target); err != nil {
		return err
	}
	return s.list()
}

// shadow is a free name for what is to be no entry any more, but cannot be
// removed: its blocks are also those of another name. The loader takes it for
// exhausted.
func (s *session) shadow(id string) string {
	n := sdboot.Name{ID: id, Counted: true, Done: 9}
	for slices.ContainsFunc(s.entries, func(e esp.Entry) bool { return e.File == n.File() }) && n.Done > 1 {
		n.Done--
	}
	return n.File()
}

// plain is an entry's name without a counter, aside the name by which the
// loader passes it over.
func plain(e *esp.Entry) sdboot.Name { return sdboot.Name{ID: e.ID} }
func aside(e *esp.Entry) sdboot.Name { return sdboot.Name{ID: e.ID, Counted: true} }

// setVars sets both variables that choose an entry. Where nothing is asked of
// them, a host without variables has what is wanted.
func (s *session) setVars(oneShot, def string) error {
	// Default first: should the power fail in between, it names a proven entry.
	for _, v := range []struct{ name, value string }{{efivar.Default, def}, {efivar.OneShot, oneShot}} {
		err := s.Vars.Set(v.name, v.value)
		if err != nil && (v.value != "" || !errors.Is(err, efivar.ErrNone)) {
			return fmt.Errorf("telling the boot loader what to start: %w", err)
		}
	}
	return nil
}

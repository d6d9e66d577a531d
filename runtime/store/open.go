package store

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// Opened says what Open found. None of it keeps the store from working.
type Opened struct {
	// FirstBoot: nothing is stored, so this is the time to take user data in.
	// It stays so until the first Commit. It is also set where a damaged file
	// had to be given up and there was no snapshot.
	FirstBoot bool
	// Recovered says what was wrong with what is stored and what was done, ""
	// if nothing. A damaged file is kept aside.
	Recovered string
	// From is the version that wrote the store, where it is not
	// Options.Version: its settings were taken over.
	From string
	// Snapshot: they are those that Options.Version itself left behind,
	// because this is a way back to it.
	Snapshot bool
	// Unsaved says why what Open worked out is not in the file (a full disk,
	// say). It is in force all the same; Commit tries again, and fails where
	// that fails.
	Unsaved error
}

// Open takes the store in o.Dir for this process. What is damaged is replaced
// by the last snapshot, what Check refuses is dropped, so an error means that
// the options are wrong, the store is not to be had (ErrLocked), or its folder
// cannot be made.
func Open(o Options) (*Store, Opened, error) {
	o, err := o.complete()
	if err != nil {
		return nil, Opened{}, fmt.Errorf("opening the store: %w", err)
	}
	lock, err := prepare(o)
	if err != nil {
		return nil, Opened{}, fmt.Errorf("opening the store: %w", err)
	}
	s := &Store{o: o, lock: lock, pending: map[string]*transaction{}}
	opened := s.load()
	opened.Unsaved = s.settle()
	if opened.Unsaved == nil && !opened.FirstBoot {
		opened.Unsaved = s.refreshSnapshot()
	}
	return s, opened, nil
}

// prepare makes the folder and takes the lock.
func prepare(o Options) (io.Closer, error) {
	if err := o.FS.Mkdir(o.Dir); err != nil {
		return nil, fmt.Errorf("making its folder: %w", err)
	}
	return o.FS.Lock(filepath.Join(o.Dir, "lock"))
}

// load works out what is in force. What this needs written becomes debt.
func (s *Store) load() Opened {
	s.owe(s.makeDurable)
	snapshots := s.readSnapshots()
	raw, err := s.o.FS.ReadFile(s.o.path(), s.o.readLimit())
	if err == nil {
		s.doc, err = decode(raw)
	}
	good := err == nil
	var opened Opened
	var notes []string
	switch {
	case errors.Is(err, fs.ErrNotExist) && len(snapshots) == 0:
		opened.FirstBoot = true
	case !good:
		opened.FirstBoot = len(snapshots) == 0
		notes = append(notes, s.recover(err, snapshots))
	}
	if opened.FirstBoot {
		s.doc = document{Version: s.o.Version, Migrations: s.o.Migrations, Stored: State{}}
	}
	if s.doc.Version != s.o.Version {
		notes = append(notes, s.move(raw, good, snapshots, &opened))
	}
	healed := s.heal(good && opened.From == "")
	notes = append(notes, healed)
	if !good && !opened.FirstBoot || opened.From != "" || healed != "" {
		s.owe(s.writeDoc(s.doc))
	}
	opened.Recovered = strings.Join(slices.DeleteFunc(notes, func(n string) bool { return n == "" }), "; ")
	return opened
}

// readLimit allows for what a migration adds to a file of the limit's size.
func (o Options) readLimit() int64 { return 2 * o.Limit }

// recover puts the newest good snapshot, if there is one, in the place of a
// file that is lost or damaged.
func (s *Store) recover(damage error, snapshots map[string]document) string {
	kept := ""
	if !errors.Is(damage, fs.ErrNotExist) {
		s.owe(s.keepAside)
		kept = ", is kept beside it as " + fileName + ".bad-N"
	}
	if len(snapshots) == 0 {
		s.owe(s.removeFile)
		return fmt.Sprintf("the settings file could not be used (%v)%s, and there is no snapshot: the defaults hold", damage, kept)
	}
	for _, d := range snapshots {
		if d.Seq >= s.doc.Seq {
			s.doc = d
		}
	}
	return fmt.Sprintf("the settings file could not be used (%v)%s: the snapshot of version %s, change %d, holds", damage, kept, s.doc.Version, s.doc.Seq)
}

// move takes the settings of another version over. The way back to a version
// that left a snapshot brings its settings back; any other loses the weak
// values and runs the migrations.
func (s *Store) move(raw []byte, good bool, snapshots map[string]document, opened *Opened) (note string) {
	from := s.doc
	opened.From = from.Version
	if good {
		s.owe(func() error { return s.saveSnapshot(from.Version, raw) })
	}
	next := document{Version: s.o.Version, Seq: from.Seq + 1, Migrations: s.o.Migrations}
	own, kept := snapshots[s.o.Version]
	if kept && compareVersions(s.o.Version, from.Version) < 0 {
		opened.Snapshot = true
		next.Stored = own.Stored
		next.Seq = max(from.Seq, own.Seq) + 1
	} else {
		next.Stored, note = s.migrate(from)
	}
	s.doc = next
	return note
}

func (s *Store) migrate(from document) (State, string) {
	strong := withoutWeak(from.Stored)
	migrations := s.o.Migrations
	if compareVersions(s.o.Version, from.Version) < 0 {
		migrations = from.Migrations // only the newer version knows them
	}
	next, err := migrate(strong, migrations, from.Version, s.o.Version, s.o.Now())
	if err != nil {
		return strong, fmt.Sprintf("the settings were taken over as they were: %v", err)
	}
	return next, ""
}

func withoutWeak(s State) State {
	s = maps.Clone(s)
	maps.DeleteFunc(s, func(_ string, e Entry) bool { return e.Weak })
	return s
}

// heal drops what Check refuses, for nothing could be committed over it.
func (s *Store) heal(keep bool) string {
	stored := maps.Clone(s.doc.Stored)
	var dropped, why []string
	for len(stored) > 0 { // the defaults alone are valid: Options.complete has seen to it
		err := s.o.check(stored)
		if err == nil {
			break
		}
		keys := blamed(err, stored)
		for _, key := range keys {
			delete(stored, key)
		}
		dropped, why = append(dropped, keys...), append(why, err.Error())
	}
	if len(why) == 0 {
		return ""
	}
	if keep {
		s.owe(s.keepAside)
	}
	s.doc.Stored = stored
	s.doc.Seq++
	slices.Sort(dropped)
	return fmt.Sprintf("settings were refused and dropped: %s (%s)", strings.Join(dropped, ", "), strings.Join(why, "; "))
}

// blamed is which of the stored keys to drop for err: those that it names; or
// those beside them, for a rule across several settings may name one that is
// not stored; or, where that leads nowhere, all.
func blamed(err error, stored State) []string {
	var keys []string
	for _, p := range settings.Problems(err) {
		k, parseErr := settings.ParseKey(p.Key)
		if parseErr != nil {
			continue
		}
		for ; len(k) > 0; k = k[:len(k)-1] {
			if hit := below(stored, k); len(hit) > 0 {
				keys = append(keys, hit...)
				break
			}
		}
	}
	if len(keys) == 0 {
		return slices.Sorted(maps.Keys(stored))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// below is the keys of s that are k or lie below it.
func below(s State, k settings.Key) []string {
	var hit []string
	for text := range s {
		if key, err := settings.ParseKey(text); err == nil && key.HasPrefix(k) {
			hit = append(hit, text)
		}
	}
	return hit
}

// owe adds to what must be written before anything else.
func (s *Store) owe(f func() error) { s.debt = append(s.debt, f) }

// settle writes what is owed.
func (s *Store) settle() error {
	for len(s.debt) > 0 {
		if err := s.debt[0](); err != nil {
			return err
		}
		s.debt = s.debt[1:]
	}
	return nil
}

// makeDurable sees to it that what a process before this one left unsynced does
// not vanish after it was read.
func (s *Store) makeDurable() error {
	for _, dir := range []string{filepath.Dir(s.o.Dir), s.o.Dir} {
		if err := s.o.FS.SyncDir(dir); err != nil {
			return fmt.Errorf("making the store's folder durable: %w", err)
		}
	}
	return nil
}

func (s *Store) writeDoc(d document) func() error {
	return func() error {
		data, err := d.encode()
		if err != nil {
			return err
		}
		_, err = replace(s.o.FS, s.o.path(), data)
		return err
	}
}

// keepAside gives the file a second name, under which it stays when the first
// is taken by another.
func (s *Store) keepAside() error {
	names, err := s.o.FS.ReadDir(s.o.Dir)
	if err != nil {
		return fmt.Errorf("keeping the damaged settings aside: %w", err)
	}
	var numbers []int
	for _, name := range names {
		if n, err := strconv.Atoi(strings.TrimPrefix(name, fileName+".bad-")); err == nil && n > 0 {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	next := 1
	if len(numbers) > 0 {
		next = numbers[len(numbers)-1] + 1
	}
	err = s.o.FS.Link(s.o.path(), s.badPath(next))
	if errors.Is(err, fs.ErrPermission) { // a folder of that name, or no hard links here
		err = s.o.FS.Rename(s.o.path(), s.badPath(next))
	}
	for ; err == nil && len(numbers) >= MaxBad; numbers = numbers[1:] {
		err = s.o.FS.Remove(s.badPath(numbers[0]))
	}
	if err == nil {
		err = s.o.FS.SyncDir(s.o.Dir)
	}
	if err != nil {
		return fmt.Errorf("keeping the damaged settings aside: %w", err)
	}
	return nil
}

func (s *Store) badPath(n int) string { return fmt.Sprintf("%s.bad-%d", s.o.path(), n) }

// removeFile follows keepAside.
func (s *Store) removeFile() error {
	if err := s.o.FS.Remove(s.o.path()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("removing the damaged settings: %w", err)
	}
	if err := s.o.FS.SyncDir(s.o.Dir); err != nil {
		return fmt.Errorf("removing the damaged settings: %w", err)
	}
	return nil
}

package store

import (
	"fmt"
	"maps"
)

// A Commit is a change that is in force and durable.
type Commit struct {
	Seq    uint64  // of the change
	Deltas []Delta // what it changed
	Before State   // what was in force before, defaults included: for Restore
	// Warning says why the snapshot could not follow. The change holds; only a
	// file that is damaged later would be replaced by an older state.
	Warning error
}

// Commit puts what a transaction holds in force: it checks what all settings
// together would be, and writes them. After an error (ErrRefused and what
// Options.Check said, ErrNoPending, ErrTooLarge, a full disk) the settings are
// as they were and the transaction still holds what it held.
func (s *Store) Commit(tx string) (Commit, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	t, err := s.begin(tx)
	if err != nil {
		return Commit{}, fmt.Errorf("committing transaction %.80q: %w", tx, err)
	}
	c, err := s.write(t.change().apply(s.doc.Stored))
	if err != nil {
		return Commit{}, fmt.Errorf("committing transaction %q: %w", tx, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// What was added to it in the meantime stays pending.
	if now := s.pending[tx]; now != nil && now.edits == t.edits {
		delete(s.pending, tx)
	}
	return c, nil
}

// Restore puts back what was in force before a change, unless something else
// has changed since the change expectSeq (ErrMoved).
func (s *Store) Restore(before State, expectSeq uint64) (Commit, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.open(); err != nil {
		return Commit{}, fmt.Errorf("restoring settings: %w", err)
	}
	if s.doc.Seq != expectSeq {
		return Commit{}, fmt.Errorf("restoring settings: %w: the last change is %d, want %d", ErrMoved, s.doc.Seq, expectSeq)
	}
	stored := maps.Clone(before)
	maps.DeleteFunc(stored, func(_ string, e Entry) bool { return e.Source == SourceDefault })
	c, err := s.write(stored)
	if err != nil {
		return Commit{}, fmt.Errorf("restoring settings: %w", err)
	}
	return c, nil
}

// DropWeak drops all weak values, as a change of version does.
func (s *Store) DropWeak() (Commit, error) {
	s.writing.Lock()
	defer s.writing.Unlock()
	if err := s.open(); err != nil {
		return Commit{}, fmt.Errorf("dropping weak settings: %w", err)
	}
	c, err := s.write(withoutWeak(s.doc.Stored))
	if err != nil {
		return Commit{}, fmt.Errorf("dropping weak settings: %w", err)
	}
	return c, nil
}

func (s *Store) open() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	return nil
}

// begin is a copy of a transaction that holds something.
func (s *Store) begin(tx string) (*transaction, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.transaction(tx)
	if err != nil {
		return nil, err
	}
	if t.change().empty() {
		return nil, ErrNoPending
	}
	return t, nil
}

// write checks a state, makes it durable and then puts it in force. The caller
// holds writing. Readers of Live are not held up by the disk.
func (s *Store) write(stored State) (Commit, error) {
	old := s.doc
	if err := s.o.check(stored); err != nil {
		return Commit{}, fmt.Errorf("%w: %w", ErrRefused, err)
	}
	next := document{Version: s.o.Version, Seq: old.Seq + 1, Migrations: s.o.Migrations, Stored: stored}
	data, err := next.encode()
	if err != nil {
		return Commit{}, err
	}
	if int64(len(data)) > s.o.Limit {
		return Commit{}, fmt.Errorf("%w: the settings would have %d bytes, the limit is %d", ErrTooLarge, len(data), s.o.Limit)
	}
	if _, err := decode(data); err != nil { // never write what would not be read
		return Commit{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	if err := s.settle(); err != nil {
		return Commit{}, err
	}
	if replaced, err := replace(s.o.FS, s.o.path(), data); err != nil {
		s.takeBack(replaced, old)
		return Commit{}, err
	}
	s.mu.Lock()
	s.doc = next
	s.mu.Unlock()
	before, after := s.o.overlay(old.Stored), s.o.overlay(stored)
	c := Commit{Seq: next.Seq, Deltas: diff(before, after), Before: before}
	c.Warning = s.refreshSnapshot()
	return c, nil
}

// takeBack writes what is in force over what a failed change has left in the
// file: now, or before the next change.
func (s *Store) takeBack(replaced bool, old document) {
	if !replaced {
		return
	}
	if old.Seq == 0 { // there was no file
		s.owe(s.removeFile)
	} else {
		s.owe(s.writeDoc(old))
	}
	// Where this fails too, the next Commit tries it first and reports it.
	_ = s.settle()
}

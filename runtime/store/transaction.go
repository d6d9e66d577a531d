package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// DefaultTransaction is the name of the transaction of those who name none.
const DefaultTransaction = "default"

// A Change is what a transaction holds: first Removed leaves, each a setting or
// all below a group, then Set comes.
type Change struct {
	Set     State    `json:"set,omitempty"`
	Removed []string `json:"removed,omitempty"` // sorted
}

func (c Change) empty() bool { return len(c.Set) == 0 && len(c.Removed) == 0 }

// apply is stored after the change.
func (c Change) apply(stored State) State {
	next := maps.Clone(stored)
	for _, text := range c.Removed {
		if k, err := settings.ParseKey(text); err == nil {
			for _, key := range below(next, k) {
				delete(next, key)
			}
		}
	}
	maps.Copy(next, c.Set)
	return next
}

// A transaction gathers a change. Guarded by Store.mu.
type transaction struct {
	set     State
	removed map[string]bool
	edits   uint64 // how often it was changed
}

func (t *transaction) change() Change {
	return Change{Set: maps.Clone(t.set), Removed: slices.Sorted(maps.Keys(t.removed))}
}

func (t *transaction) clone() *transaction {
	return &transaction{set: maps.Clone(t.set), removed: maps.Clone(t.removed), edits: t.edits}
}

// entrySize is what an entry costs beside its key and value, in bytes.
const entrySize = 128

func (t *transaction) size() int64 {
	var n int64
	for key, e := range t.set {
		n += int64(len(key)+len(e.Value)) + entrySize
	}
	for key := range t.removed {
		n += int64(len(key)) + entrySize
	}
	return n
}

func checkName(tx string) error {
	ok := tx != "" && len(tx) <= 64
	for _, c := range []byte(tx) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(".-_:", c) >= 0:
		default:
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%w: %.80q", ErrName, tx)
	}
	return nil
}

// Transactions is the names of those that hold something, sorted.
func (s *Store) Transactions() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.pending))
}

// Pending is what a transaction holds; nothing, where it is not known.
func (s *Store) Pending(tx string) (Change, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.transaction(tx)
	if err != nil {
		return Change{}, fmt.Errorf("reading transaction %.80q: %w", tx, err)
	}
	return t.change(), nil
}

// Diff is what Commit would change now. It does not say that Commit would.
func (s *Store) Diff(tx string) ([]Delta, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.transaction(tx)
	if err != nil {
		return nil, fmt.Errorf("comparing transaction %.80q: %w", tx, err)
	}
	next := t.change().apply(s.doc.Stored)
	return diff(s.o.overlay(s.doc.Stored), s.o.overlay(next)), nil
}

// Patch sets values in a transaction; the rules across settings are for Commit.
// It takes all of v or none.
func (s *Store) Patch(tx string, v settings.Values, src Source, weak bool) error {
	entries := make(State, len(v))
	now := stamp(s.o.Now())
	for text, raw := range v {
		k, err := settings.ParseKey(text)
		if err != nil {
			return fmt.Errorf("changing transaction %.80q: %w: %w", tx, ErrInvalid, err)
		}
		value, err := compact(raw)
		if err != nil {
			return fmt.Errorf("changing transaction %.80q: %s: %w", tx, k, err)
		}
		if _, twice := entries[k.String()]; twice {
			return fmt.Errorf("changing transaction %.80q: %w: %s is there twice", tx, ErrInvalid, k)
		}
		entries[k.String()] = Entry{Value: value, Source: src, Weak: weak, Set: now}
	}
	switch src {
	case SourceGenerator, SourceUserData, SourceAPI:
	default:
		return fmt.Errorf("changing transaction %.80q: %w: the source is %q", tx, ErrInvalid, src)
	}
	return s.edit(tx, func(t *transaction) { maps.Copy(t.set, entries) })
}

// Remove takes settings, or all below groups, out of force: the defaults come
// back. What the transaction itself set there goes too.
func (s *Store) Remove(tx string, keys ...settings.Key) error {
	for _, k := range keys {
		if _, err := settings.ParseKey(k.String()); err != nil {
			return fmt.Errorf("changing transaction %.80q: %w: %w", tx, ErrInvalid, err)
		}
	}
	return s.edit(tx, func(t *transaction) {
		for _, k := range keys {
			for _, key := range below(t.set, k) {
				delete(t.set, key)
			}
			t.removed[k.String()] = true
		}
	})
}

// Drop forgets what a transaction holds, if anything.
func (s *Store) Drop(tx string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.transaction(tx); err != nil {
		return fmt.Errorf("dropping transaction %.80q: %w", tx, err)
	}
	delete(s.pending, tx)
	return nil
}

// edit changes a transaction, or leaves it as it was where it would grow beyond
// the limits.
func (s *Store) edit(tx string, f func(*transaction)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.transaction(tx)
	if err != nil {
		return fmt.Errorf("changing transaction %.80q: %w", tx, err)
	}
	f(t)
	t.edits++
	if t.change().empty() {
		return nil
	}
	if _, known := s.pending[tx]; !known && len(s.pending) >= MaxTransactions {
		return fmt.Errorf("changing transaction %q: %w: %d", tx, ErrTooMany, len(s.pending))
	}
	total := t.size()
	if total > s.o.Limit {
		return fmt.Errorf("changing transaction %q: %w: %d bytes, the limit is %d", tx, ErrTooLarge, total, s.o.Limit)
	}
	for name, other := range s.pending {
		if name != tx {
			total += other.size()
		}
	}
	if total > pendingLimits*s.o.Limit {
		return fmt.Errorf("changing transaction %q: %w: all transactions together have %d bytes", tx, ErrTooLarge, total)
	}
	s.pending[tx] = t
	return nil
}

// pendingLimits is how many times Options.Limit all transactions may hold.
const pendingLimits = 4

// transaction is a copy of one, to change or to look at. The caller holds mu.
func (s *Store) transaction(tx string) (*transaction, error) {
	if s.closed {
		return nil, ErrClosed
	}
	if err := checkName(tx); err != nil {
		return nil, err
	}
	if t, ok := s.pending[tx]; ok {
		return t.clone(), nil
	}
	return &transaction{set: State{}, removed: map[string]bool{}}, nil
}

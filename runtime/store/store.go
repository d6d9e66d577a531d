// Package store keeps the settings of a host: in one file that a power cut at
// any moment leaves as it was or as it shall be, and nothing between. What is
// in it was put there by somebody; the defaults of the schema lie beneath it and
// are never written.
//
//	DIR/settings.json            the settings (file.go describes the format)
//	DIR/settings.json.bad-N      damaged files, kept aside for people to look at
//	DIR/snapshots/VERSION.json   the settings as version VERSION of the system left them
//	DIR/lock                     locked by the process that owns the store
//
// Changes are gathered in named transactions, which are kept in memory, and
// reach the file as a whole by Commit. A Store may be used by many goroutines.
package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/settings"
)

// A Source says who set a value.
type Source string

// The sources of values.
const (
	SourceDefault   Source = "default"   // the schema; never in the file
	SourceGenerator Source = "generator" // worked out on the host, or put by a migration
	SourceUserData  Source = "user-data"
	SourceAPI       Source = "api"
)

// An Entry is a value and where it came from.
type Entry struct {
	Value  json.RawMessage `json:"value"` // compact
	Source Source          `json:"source"`
	Weak   bool            `json:"weak,omitempty"` // dropped when the version changes
	Set    time.Time       `json:"set,omitzero"`   // UTC, whole seconds; zero for defaults
}

// A State is a set of settings: canonical key to entry.
type State map[string]Entry

// Values is the state without where its values came from.
func (s State) Values() settings.Values {
	v := make(settings.Values, len(s))
	for key, e := range s {
		v[key] = e.Value
	}
	return v
}

// What a caller may tell apart. Every error of a Store wraps one of them, or
// one of its file system.
var (
	ErrLocked    = errors.New("another process owns the store")
	ErrClosed    = errors.New("the store is closed")
	ErrRefused   = errors.New("the settings would not be valid") // Options.Check's error is wrapped beside it
	ErrTooLarge  = errors.New("it is too large")
	ErrTooMany   = errors.New("too many transactions are pending")
	ErrName      = errors.New("not a name of a transaction")
	ErrInvalid   = errors.New("not a setting")
	ErrNoPending = errors.New("nothing is pending")
	ErrMoved     = errors.New("the settings have changed since")
)

// Bounds of a store.
const (
	DefaultLimit    = 1 << 20 // bytes of the file
	MaxTransactions = 64      // pending at once
	MaxSnapshots    = 8       // kept, the newest
	MaxBad          = 4       // damaged files kept aside, the newest
)

// Options say what to open and how.
type Options struct {
	FS         FS                          // nil: the host's
	Dir        string                      // its parent must exist
	Version    string                      // of the system that runs, as in VERSION_ID
	Check      func(settings.Values) error // judges a complete set, defaults included; nil: all is well
	Defaults   settings.Values
	Migrations []Migration      // in order
	Now        func() time.Time // nil: time.Now
	Limit      int64            // bytes of the file and of a transaction; 0: DefaultLimit
}

// complete fills in what was left out and refuses what cannot work.
func (o Options) complete() (Options, error) {
	if o.FS == nil {
		o.FS = OS
	}
	if o.Check == nil {
		o.Check = func(settings.Values) error { return nil }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	if err := checkVersion(o.Version); err != nil {
		return o, err
	}
	if err := checkMigrations(o.Migrations); err != nil {
		return o, err
	}
	if err := o.Check(maps.Clone(o.Defaults)); err != nil {
		return o, fmt.Errorf("the defaults are not valid: %w", err)
	}
	return o, nil
}

func (o Options) path() string      { return filepath.Join(o.Dir, fileName) }
func (o Options) snapshots() string { return filepath.Join(o.Dir, "snapshots") }

const fileName = "settings.json"

// A Store owns the settings of a host until it is closed.
type Store struct {
	o    Options
	lock io.Closer

	// writing is held by whoever changes the file; taken before mu.
	writing sync.Mutex
	// debt is what has to be written before anything else may be, in order.
	// Held with writing.
	debt []func() error

	mu      sync.Mutex
	doc     document // its Stored is never changed in place
	pending map[string]*transaction
	closed  bool
}

// Live is the settings in force, defaults included.
func (s *Store) Live() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.o.overlay(s.doc.Stored)
}

// Seq is the number of the last change: it grows by one with each.
func (s *Store) Seq() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.doc.Seq
}

// Close drops what is pending and gives the store up. Closing it again does
// nothing.
func (s *Store) Close() error {
	s.writing.Lock()
	defer s.writing.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	s.pending = nil
	if err := s.lock.Close(); err != nil {
		return fmt.Errorf("giving the store up: %w", err)
	}
	return nil
}

// overlay lays what is stored over the defaults.
func (o Options) overlay(stored State) State {
	all := make(State, len(o.Defaults)+len(stored))
	for key, value := range o.Defaults {
		all[key] = Entry{Value: value, Source: SourceDefault}
	}
	maps.Copy(all, stored)
	return all
}

// check judges what would be in force if stored were what is stored.
func (o Options) check(stored State) error {
	return o.Check(o.overlay(stored).Values())
}

// A Delta is a setting whose value changes. Before or After is nil where there
// is none.
type Delta struct {
	Key    string          `json:"key"`
	Before json.RawMessage `json:"before,omitempty"`
	After  json.RawMessage `json:"after,omitempty"`
	Source Source          `json:"source,omitempty"` // of After
}

// diff lists what changes between two states, sorted by key.
func diff(before, after State) []Delta {
	keys := maps.Clone(before)
	maps.Copy(keys, after)
	var deltas []Delta
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		b, a := before[key], after[key]
		if string(b.Value) != string(a.Value) {
			deltas = append(deltas, Delta{Key: key, Before: b.Value, After: a.Value, Source: a.Source})
		}
	}
	return deltas
}

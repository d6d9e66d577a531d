package store

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/slipway-os/slipway/runtime/settings"
)

// Forward is what the settings of m.From are in m.To. It fails where m.Check
// does, or a key would grow too long. now is when values that it puts were set.
func (m Migration) Forward(s State, now time.Time) (State, error) {
	next := maps.Clone(s)
	for _, step := range m.Steps {
		if err := step.run(next, true, now); err != nil {
			return nil, fmt.Errorf("migrating from %s to %s: %w", m.From, m.To, err)
		}
	}
	return next, nil
}

// Backward is what the settings of m.To are in m.From.
func (m Migration) Backward(s State, now time.Time) (State, error) {
	next := maps.Clone(s)
	for _, step := range slices.Backward(m.Steps) {
		if err := step.run(next, false, now); err != nil {
			return nil, fmt.Errorf("migrating back from %s to %s: %w", m.To, m.From, err)
		}
	}
	return next, nil
}

// migrate takes settings from one version to another, across all migrations
// that lie between.
func migrate(s State, ms []Migration, from, to string, now time.Time) (State, error) {
	var err error
	if compareVersions(from, to) <= 0 {
		for _, m := range ms {
			if err == nil && compareVersions(from, m.To) < 0 && compareVersions(m.To, to) <= 0 {
				s, err = m.Forward(s, now)
			}
		}
		return s, err
	}
	for _, m := range slices.Backward(ms) {
		if err == nil && compareVersions(to, m.To) < 0 && compareVersions(m.To, from) <= 0 {
			s, err = m.Backward(s, now)
		}
	}
	return s, err
}

// run changes s in place.
func (s Step) run(state State, forward bool, now time.Time) error {
	switch s.Op {
	case OpRename:
		if forward {
			return rename(state, s.Key, s.To)
		}
		return rename(state, s.To, s.Key)
	case OpAdd, OpDrop:
		if forward == (s.Op == OpDrop) {
			_, err := take(state, s.Key)
			return err
		}
		return s.put(state, now)
	case OpDefault:
		if forward {
			return s.put(state, now)
		}
		return s.unput(state)
	default: // OpMap
		return s.mapValues(state, forward)
	}
}

// put sets the step's value where none is.
func (s Step) put(state State, now time.Time) error {
	if s.Value == nil {
		return nil
	}
	k, err := settings.ParseKey(s.Key)
	if err != nil {
		return err
	}
	value, err := compact(s.Value)
	if err != nil {
		return err
	}
	if _, there := state[k.String()]; !there {
		state[k.String()] = Entry{Value: value, Source: SourceGenerator, Set: stamp(now)}
	}
	return nil
}

// unput takes away what put has set and nobody has touched.
func (s Step) unput(state State) error {
	k, err := settings.ParseKey(s.Key)
	if err != nil {
		return err
	}
	value, err := compact(s.Value)
	if err != nil {
		return err
	}
	if e := state[k.String()]; e.Source == SourceGenerator && string(e.Value) == string(value) {
		delete(state, k.String())
	}
	return nil
}

func (s Step) mapValues(state State, forward bool) error {
	found, err := take(state, s.Key)
	if err != nil {
		return err
	}
	for _, f := range found {
		for _, p := range s.Pairs {
			from, to := p.Old, p.New
			if !forward {
				from, to = to, from
			}
			if equalJSON(f.entry.Value, from) {
				if f.entry.Value, err = compact(to); err != nil {
					return err
				}
				break
			}
		}
		state[f.key.String()] = f.entry
	}
	return nil
}

func equalJSON(compacted, other json.RawMessage) bool {
	o, err := compact(other)
	return err == nil && string(o) == string(compacted)
}

func rename(state State, from, to string) error {
	target, err := parsePattern(to)
	if err != nil {
		return err
	}
	found, err := take(state, from)
	if err != nil {
		return err
	}
	for _, f := range found {
		k := target.fill(f.stars, f.below).String()
		if _, err := settings.ParseKey(k); err != nil { // it has grown too long
			return err
		}
		state[k] = f.entry
	}
	return nil
}

// A match is an entry that a pattern named.
type match struct {
	key, below settings.Key
	stars      []string
	entry      Entry
}

// take removes from state what the pattern names, and returns it in the order
// of the keys.
func take(state State, key string) ([]match, error) {
	p, err := parsePattern(key)
	if err != nil {
		return nil, err
	}
	var found []match
	for _, text := range slices.Sorted(maps.Keys(state)) {
		k, err := settings.ParseKey(text)
		if err != nil {
			return nil, err
		}
		if stars, below, ok := p.match(k); ok {
			found = append(found, match{k, below, stars, state[text]})
			delete(state, text)
		}
	}
	return found, nil
}

// stamp is a time as it goes into the file.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

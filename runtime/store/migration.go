package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
)

// A Migration says how settings change their shape where the version crosses
// To: From is the last version known to have the old shape. Versions that change
// nothing need none.
//
// It is data, not code: it goes into the file, so that an older system which has
// never heard of it can run it backward.
type Migration struct {
	From  string `json:"from"`
	To    string `json:"to"`
	Steps []Step `json:"steps"`
}

// An Op is what a Step does.
type Op string

// What steps do; see the functions that make them.
const (
	OpRename  Op = "rename"
	OpAdd     Op = "add"
	OpDrop    Op = "drop"
	OpDefault Op = "default"
	OpMap     Op = "map"
)

// A Step changes some keys. A key names a setting or all that lies below a
// group; its segment * stands for any one segment.
type Step struct {
	Op    Op              `json:"op"`
	Key   string          `json:"key"`
	To    string          `json:"to,omitempty"`
	Value json.RawMessage `json:"value,omitempty"`
	Pairs []Pair          `json:"pairs,omitempty"`
	// OneWay owns up to losing what the other direction would need; the step
	// then says what holds instead.
	OneWay bool `json:"one-way,omitempty"`
}

// A Pair is a value and what becomes of it.
type Pair struct {
	Old json.RawMessage `json:"old"`
	New json.RawMessage `json:"new"`
}

// Rename moves key to to, which has as many *; backward it moves it back. What
// was at the other place is lost.
func Rename(key, to string) Step { return Step{Op: OpRename, Key: key, To: to} }

// Add brings a setting that the older version does not have: where it is not
// set it becomes value, unless value is nil. Backward it is dropped.
func Add(key string, value json.RawMessage) Step { return Step{Op: OpAdd, Key: key, Value: value} }

// Drop gives up a setting. Going back cannot bring its value: it becomes value,
// or, where that is nil, what the older version has by default.
func Drop(key string, value json.RawMessage) Step {
	return Step{Op: OpDrop, Key: key, Value: value, OneWay: true}
}

// Default sets a setting, which both versions have, where it is not set: so
// hosts keep an old default that a new version changes. Backward it is dropped
// where it still has that value and nobody else set it.
func Default(key string, value json.RawMessage) Step {
	return Step{Op: OpDefault, Key: key, Value: value}
}

// Map replaces values as a whole; others stay. Backward it looks for the new
// and puts the old.
func Map(key string, pairs ...Pair) Step { return Step{Op: OpMap, Key: key, Pairs: pairs} }

// MapOneWay is Map where several old values become one new value: backward, it
// becomes the first of them.
func MapOneWay(key string, pairs ...Pair) Step {
	return Step{Op: OpMap, Key: key, Pairs: pairs, OneWay: true}
}

// Check says what is wrong with a migration.
func (m Migration) Check() error {
	err := errors.Join(checkVersion(m.From), checkVersion(m.To))
	if err == nil && compareVersions(m.From, m.To) >= 0 {
		err = fmt.Errorf("%s does not come before %s", m.From, m.To)
	}
	if err != nil {
		return fmt.Errorf("checking a migration: %w", err)
	}
	for i, step := range m.Steps {
		if err := step.check(); err != nil {
			return fmt.Errorf("checking step %d (%s %s) of the migration to %s: %w", i+1, step.Op, step.Key, m.To, err)
		}
	}
	return nil
}

// checkMigrations checks each, and that they come in order.
func checkMigrations(ms []Migration) error {
	for i, m := range ms {
		if err := m.Check(); err != nil {
			return err
		}
		if i > 0 && compareVersions(ms[i-1].To, m.From) > 0 {
			return fmt.Errorf("checking migrations: the one to %s begins before the one to %s ends", m.To, ms[i-1].To)
		}
	}
	return nil
}

func (s Step) check() error {
	key, err := parsePattern(s.Key)
	if err != nil {
		return err
	}
	if (s.To != "") != (s.Op == OpRename) || len(s.Pairs) > 0 != (s.Op == OpMap) {
		return errors.New("it has parts that belong to another step, or lacks its own")
	}
	if s.Value != nil {
		if _, err := compact(s.Value); err != nil {
			return err
		}
		if key.stars() > 0 || s.Op == OpRename || s.Op == OpMap {
			return errors.New("a value needs a key that names one setting")
		}
	}
	switch s.Op {
	case OpRename:
		return s.checkRename(key)
	case OpMap:
		return s.checkPairs()
	case OpDefault:
		if s.Value == nil {
			return errors.New("it has no value")
		}
	case OpDrop:
		if !s.OneWay {
			return errors.New("it is not marked as one-way, which it is")
		}
	case OpAdd:
	default:
		return errors.New("no such step")
	}
	return nil
}

func (s Step) checkRename(key pattern) error {
	to, err := parsePattern(s.To)
	if err != nil {
		return err
	}
	if key.stars() != to.stars() {
		return fmt.Errorf("%s has not as many * as %s", s.To, s.Key)
	}
	return nil
}

func (s Step) checkPairs() error {
	var olds, news []string
	for _, p := range s.Pairs {
		old, errOld := compact(p.Old)
		new, errNew := compact(p.New)
		if err := errors.Join(errOld, errNew); err != nil {
			return err
		}
		if slices.Contains(olds, string(old)) {
			return fmt.Errorf("%s becomes two values", old)
		}
		if slices.Contains(news, string(new)) && !s.OneWay {
			return fmt.Errorf("two values become %s: going back is one-way", new)
		}
		olds, news = append(olds, string(old)), append(news, string(new))
	}
	return nil
}

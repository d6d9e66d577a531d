package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
)

// checker is a tree with rules over several settings.
type checker interface{ Check() error }

// Check judges a complete set of values, defaults included: every key is a leaf
// of the schema with a value of its type, maps and the whole are within their
// bounds, and the rules over several settings hold. The error joins Problems.
func (s *Schema) Check(v Values) error {
	f := &flattener{values: Values{}}
	entries := map[string]map[string]bool{}
	for _, text := range slices.Sorted(maps.Keys(v)) {
		s.checkOne(f, entries, text, v[text])
	}
	if err := f.err(); err != nil {
		return err
	}
	// Rules over several settings are asked only where each is right by itself.
	return s.checkTrees(s.WithDefaults(f.values))
}

// checkOne checks one value and counts the entries of the maps on its way.
func (s *Schema) checkOne(f *flattener, entries map[string]map[string]bool, text string, raw json.RawMessage) {
	if f.full() {
		return
	}
	k, err := ParseKey(text)
	if err != nil || k.String() != text {
		f.fail(&Problem{Key: trim(text, MaxKey), Message: "is not a key in canonical form"})
		return
	}
	n := s.leaf(k)
	if n == nil {
		f.fail(&Problem{Key: text, Message: "no such setting"})
		return
	}
	if !s.checkWay(f, entries, k) {
		return
	}
	value, err := decodeStrict(raw)
	if err != nil {
		f.fail(&Problem{Key: text, Message: "has a value that is not JSON"})
		return
	}
	f.add(n, k, value, false)
}

// checkWay checks the names and sizes of the maps on the way to a leaf, and that
// nothing on it is refused.
func (s *Schema) checkWay(f *flattener, entries map[string]map[string]bool, k Key) bool {
	n := s.root
	for i, segment := range k {
		if n.refused != "" {
			f.add(n, k[:i], nil, false)
			return false
		}
		if n.kind == KindMap {
			at := k[:i].String()
			if p := badName(n, k[:i], segment); p != nil {
				f.fail(p)
				return false
			}
			if entries[at] == nil {
				entries[at] = map[string]bool{}
			}
			entries[at][segment] = true
			if len(entries[at]) == n.size+1 {
				f.fail(tooMany(n, k[:i], n.size+1))
			}
		}
		n, _ = n.step(segment)
	}
	return true
}

// checkTrees decodes the values into each tree and asks its rules.
func (s *Schema) checkTrees(v Values) error {
	nested, err := json.Marshal(s.Nest(v))
	if err != nil {
		return fmt.Errorf("encoding the settings: %w", err)
	}
	var errs []error
	for _, t := range s.trees {
		tree := reflect.New(t)
		rules, ok := tree.Interface().(checker)
		if !ok {
			continue
		}
		if err := json.Unmarshal(nested, rules); err != nil {
			return fmt.Errorf("decoding the settings into %v: %w", t, err)
		}
		errs = append(errs, rules.Check())
	}
	return errors.Join(errs...)
}

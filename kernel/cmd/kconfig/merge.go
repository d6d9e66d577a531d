package main

import (
	"fmt"
	"strings"
)

// An override is an option that a later fragment sets to another value.
type override struct {
	Old, New option
}

func (o override) String() string {
	return fmt.Sprintf("%s: %s overrides %s of %s", o.New.place(), o.New, o.Old, o.Old.place())
}

// merge joins fragments; the last to set an option wins. Overrides come in the
// order of the fragments, and within one in the order of the names. Setting
// the same value again is none.
func merge(fragments []*fragment) (*fragment, []override) {
	merged := newFragment()
	var overrides []override
	for _, f := range fragments {
		for _, name := range f.names() {
			next := f.options[name]
			old, again := merged.options[name]
			if again && old.Value != next.Value {
				overrides = append(overrides, override{Old: old, New: next})
			}
			merged.options[name] = next
		}
	}
	return merged, overrides
}

// A miss is an option that did not come out as asked for.
type miss struct {
	Want option
	// Found is the line of the finished configuration, or empty where it does
	// not name the option at all.
	Found string
}

func (m miss) String() string {
	found := m.Found
	if found == "" {
		found = "nothing: a dependency is missing, or there is no such option"
	}
	return fmt.Sprintf("%s: asked for %s, found %s", m.Want.place(), m.Want, found)
}

// compare lists, by name, the options in want that found has otherwise. An
// option that is to be off may be absent.
func compare(want, found *fragment) []miss {
	var misses []miss
	for _, name := range want.names() {
		w := want.options[name]
		f, present := found.options[name]
		switch {
		case present && f.Value == w.Value, !present && w.Value == unset:
		case present:
			misses = append(misses, miss{Want: w, Found: f.String()})
		default:
			misses = append(misses, miss{Want: w})
		}
	}
	return misses
}

// missError says which options did not take. Its text has one line for each.
type missError struct {
	Asked  int    // number of options asked for
	Config string // path of the finished configuration
	Misses []miss
}

func (e *missError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d of %d options did not take in %s:", len(e.Misses), e.Asked, e.Config)
	for _, m := range e.Misses {
		fmt.Fprintf(&b, "\n  %s", m)
	}
	return b.String()
}

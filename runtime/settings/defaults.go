package settings

import (
	"maps"
	"slices"
)

// Defaults returns what holds while nothing is set. Fields of entries in maps
// have their defaults only where there is such an entry, see WithDefaults.
func (s *Schema) Defaults() Values {
	f := &flattener{values: Values{}}
	s.root.walk(nil, func(k Key, n *node) {
		if n.def != nil && !k.inMap() {
			f.addDefault(n, k)
		}
	})
	return f.values
}

// WithDefaults returns v with the defaults that it does not have itself: those
// of Defaults, and those of the fields of entries in maps that v has.
func (s *Schema) WithDefaults(v Values) Values {
	f := &flattener{values: s.Defaults()}
	maps.Copy(f.values, v)
	for _, text := range slices.Collect(maps.Keys(f.values)) {
		if k, err := ParseKey(text); err == nil {
			s.addEntryDefaults(f, k)
		}
	}
	return f.values
}

// addEntryDefaults adds, for each entry of a map on the way to k, the defaults
// of the entry's fields.
func (s *Schema) addEntryDefaults(f *flattener, k Key) {
	n := s.root
	for i, segment := range k {
		inMap := n.kind == KindMap
		if n, _ = n.step(segment); n == nil {
			return
		}
		if !inMap {
			continue
		}
		entry := k[:i+1]
		n.walk(entry, func(below Key, field *node) {
			if _, set := f.values[below.String()]; field.def != nil && !set && !below[i+1:].inMap() {
				f.addDefault(field, below)
			}
		})
	}
}

// addDefault adds the default of a node, which composing has checked.
func (f *flattener) addDefault(n *node, k Key) {
	if v, err := decodeStrict(n.def); err == nil {
		f.add(n, k, v, true)
	}
}

// inMap reports whether the key of a pattern has a name in a map.
func (k Key) inMap() bool {
	for _, segment := range k {
		if segment == "*" {
			return true
		}
	}
	return false
}

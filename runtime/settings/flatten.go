package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// maxProblems bounds what is said of one document.
const maxProblems = 64

// Flatten turns a nested document, as decoded from JSON or TOML, into values.
// It checks every name and every value; Check does what takes more than one.
// The error joins *Problem and *UnknownGroupError values, in the order of the
// keys; the Values are what was right, also when there is an error.
func (s *Schema) Flatten(doc map[string]any) (Values, error) {
	f := &flattener{values: Values{}}
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		group := s.root.field(name)
		if group == nil {
			f.fail(&UnknownGroupError{Group: trim(name, 64), Variant: otherVariants[name]})
			continue
		}
		f.add(group, Key{group.name}, doc[name], false)
	}
	return f.values, f.err()
}

// A flattener gathers values and mistakes.
type flattener struct {
	values Values
	size   int // bytes of keys and values
	errs   []error
}

func (f *flattener) err() error { return errors.Join(f.errs...) }

// full reports whether there are so many mistakes that the rest is not looked at.
func (f *flattener) full() bool { return len(f.errs) > maxProblems }

func (f *flattener) fail(err error) {
	switch {
	case len(f.errs) < maxProblems:
		f.errs = append(f.errs, err)
	case len(f.errs) == maxProblems:
		f.errs = append(f.errs, &Problem{Message: fmt.Sprintf("there are more than %d mistakes; the rest is not told", maxProblems)})
	}
}

// add takes in a document's value for a node. Refused settings fail unless
// refusedToo.
func (f *flattener) add(n *node, k Key, v any, refusedToo bool) {
	if f.full() {
		return
	}
	if n.refused != "" && !refusedToo {
		f.fail(&Problem{Key: k.String(), Message: "cannot be set on this host: " + n.refused})
		return
	}
	if n.shorthand != "" {
		if _, table := v.(map[string]any); !table {
			v = map[string]any{n.shorthand: v}
		}
	}
	switch n.kind {
	case KindGroup:
		f.addGroup(n, k, v, refusedToo)
	case KindMap:
		f.addMap(n, k, v, refusedToo)
	default:
		f.addLeaf(n, k, v)
	}
}

func (f *flattener) addGroup(n *node, k Key, v any, refusedToo bool) {
	table, ok := v.(map[string]any)
	if !ok {
		f.fail(wrongType(n, k, v))
		return
	}
	seen := map[*node]bool{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		field := n.field(name)
		switch {
		case field == nil:
			f.fail(noSuchSetting(n, k, name))
		case seen[field]:
			f.fail(&Problem{Key: k.child(field.name).String(), Message: fmt.Sprintf("is there twice, also by its other name %s", field.alias)})
		default:
			seen[field] = true
			f.add(field, k.child(field.name), table[name], refusedToo)
		}
	}
}

func (f *flattener) addMap(n *node, k Key, v any, refusedToo bool) {
	table, ok := v.(map[string]any)
	if !ok {
		f.fail(wrongType(n, k, v))
		return
	}
	if len(table) > n.size {
		f.fail(tooMany(n, k, len(table)))
		return
	}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		if p := badName(n, k, name); p != nil {
			f.fail(p)
			continue
		}
		f.add(n.elem, k.child(name), table[name], refusedToo)
	}
}

func (f *flattener) addLeaf(n *node, k Key, v any) {
	c := &canonizer{key: k.String()}
	value := c.value(n, "", v)
	for _, p := range c.problems {
		f.fail(p)
	}
	if len(c.problems) > 0 {
		return
	}
	if len(c.key) > MaxKey {
		f.fail(&Problem{Key: c.key, Message: fmt.Sprintf("the key is longer than %d bytes", MaxKey)})
		return
	}
	raw := compact(value)
	if f.size += len(c.key) + len(raw); f.size > MaxSize {
		f.fail(tooLarge())
		return
	}
	f.values[c.key] = raw
}

func tooLarge() *Problem {
	return &Problem{Message: fmt.Sprintf("the settings are larger than %d bytes in all", MaxSize)}
}

func tooMany(n *node, k Key, found int) *Problem {
	return &Problem{
		Key: k.String(), Message: "has too many entries",
		Expected: fmt.Sprintf("at most %d", n.size), Found: fmt.Sprint(found),
	}
}

// badName is what is wrong with a name in a map, or nil.
func badName(n *node, k Key, name string) *Problem {
	if err := n.rule.judge(name); err != nil {
		return &Problem{Key: k.String(), Message: "a name " + err.Error(), Expected: n.rule.expected(), Found: shorten(name)}
	}
	return nil
}

// noSuchSetting says what the group has instead.
func noSuchSetting(n *node, k Key, name string) *Problem {
	p := &Problem{Key: k.child(trim(name, 64)).String(), Message: "no such setting"}
	best := 3
	for _, f := range n.fields {
		if d := distance(name, f.name, best); d < best {
			best, p.Message = d, fmt.Sprintf("no such setting; did you mean %s?", k.child(f.name))
		}
	}
	if best == 3 {
		p.Expected = "one of " + n.fieldNames(", ")
	}
	return p
}

// distance is the number of letters to change between two names, or limit if it
// is not below that.
func distance(a, b string, limit int) int {
	if len(a) > len(b)+limit || len(b) > len(a)+limit {
		return limit
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j+1]+1, row[j]+1, diagonal+cost)
		}
	}
	return min(row[len(b)], limit)
}

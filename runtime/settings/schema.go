// Package settings is the schema of what can be set on a host. The Go types of
// the groups are the only schema: from them, by reflection, come validation,
// the OpenAPI document, JSON Schema, the reference docs and the completion of
// keys. A variant's schema is composed of the base groups and its own.
//
// The struct tags of a field:
//
//	json       the setting's name
//	doc        one paragraph for people
//	default    JSON, what holds while nothing is set
//	example    JSON, shown in the docs and tried by the tests
//	alias      another name that is read
//	min, max   bounds of an integer
//	size       the most entries of a list or a map, 64 without it
//	required   "true": an object in a list must have it
//	sensitive  "true": a secret
//	refused    known, but not to be set here, and what to do instead
//
// The type of a string says what it takes, see [Rule].
package settings

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"sync"
)

// MaxSize bounds a document and a set of values, in bytes of keys and values.
const MaxSize = 1 << 20

// Values is a set of leaf settings: the canonical text of a Key to the
// canonical compact JSON of its value. A leaf is a scalar or a list; structs
// and maps are descended into, and the names in a map become segments.
type Values map[string]json.RawMessage

// A Schema is what can be set: groups by name. It is immutable.
type Schema struct {
	root  *node
	trees []reflect.Type
}

// variants has, by VARIANT_ID, the trees of groups that a variant adds to the
// base groups.
var variants = map[string][]any{
	"base": nil,
}

var baseSchema = sync.OnceValue(func() *Schema { return must(Compose(Settings{})) })

// Base is the schema of variant base.
func Base() *Schema { return baseSchema() }

// ForVariant is the schema of a variant, by its VARIANT_ID: the base groups and
// its own. One that is not known has the base groups.
func ForVariant(id string) *Schema { return withOwn(variants[id]) }

// withOwn is the schema of the base groups and a variant's own.
func withOwn(own []any) *Schema {
	if len(own) == 0 {
		return Base()
	}
	return must(Compose(append([]any{Settings{}}, own...)...))
}

// Compose makes a schema of trees: structs, each field of which is a group or a
// setting of the top level. A tree may have a method Check() error for rules
// over several of its settings; its errors join Problems. An error is a mistake
// in the Go types, or a group that two trees have.
func Compose(trees ...any) (*Schema, error) {
	s := &Schema{root: &node{kind: KindGroup}}
	for _, tree := range trees {
		t := reflect.TypeOf(tree)
		n, err := nodeOf(t)
		if err != nil {
			return nil, fmt.Errorf("composing settings of %v: %w", t, err)
		}
		if n.kind != KindGroup {
			return nil, fmt.Errorf("composing settings of %v: it is not a struct", t)
		}
		for _, group := range n.fields {
			if s.root.field(group.name) != nil {
				return nil, fmt.Errorf("composing settings of %v: the group %s is there twice", t, group.name)
			}
			s.root.fields = append(s.root.fields, group)
		}
		s.trees = append(s.trees, t)
	}
	return s, nil
}

// must is for trees that are part of the program, which the tests compose.
func must(s *Schema, err error) *Schema {
	if err != nil {
		panic(err)
	}
	return s
}

// Groups returns the names of the schema's groups, in the documented order.
func (s *Schema) Groups() []string {
	var names []string
	for _, group := range s.root.fields {
		names = append(names, group.name)
	}
	return names
}

// Find returns what a key names. In the Node's key, "*" stands for a name in a
// map.
func (s *Schema) Find(k Key) (Node, bool) {
	n, pattern := s.root, Key{}
	for _, segment := range k {
		next, name := n.step(segment)
		if next == nil {
			return Node{}, false
		}
		n, pattern = next, append(pattern, name)
	}
	if n == s.root {
		return Node{}, false
	}
	return n.export(pattern), true
}

// leaf finds the leaf that a key names, or nil.
func (s *Schema) leaf(k Key) *node {
	n := s.root
	for _, segment := range k {
		if n, _ = n.step(segment); n == nil {
			return nil
		}
	}
	if n.descends() {
		return nil
	}
	return n
}

// Leaves returns every setting that has a value of its own, in the documented
// order.
func (s *Schema) Leaves() []Node {
	var leaves []Node
	s.root.walk(nil, func(k Key, n *node) {
		if !n.descends() {
			leaves = append(leaves, n.export(k))
		}
	})
	return leaves
}

// A Node describes one setting, group or map.
type Node struct {
	Key       Key             // "*" stands for a name in a map
	Kind      Kind            //
	Doc       string          // one paragraph
	Expected  string          // "a host name of 1 to 253 characters …"
	Enum      []string        // the only values, where there are so few
	Default   json.RawMessage // nil: none
	Example   json.RawMessage // nil: none
	Sensitive bool            // holds a secret: not to be logged or reported
	Group     bool            // fixed fields or a map: not a leaf
	Refused   string          // known but not settable, and what to do instead
}

func (n *node) export(k Key) Node {
	return Node{
		Key: slices.Clone(k), Kind: n.kind, Doc: n.doc, Expected: n.expected(), Enum: n.rule.Enum,
		Default: n.def, Example: n.example, Sensitive: n.holdsSecret(), Group: n.descends(), Refused: n.refused,
	}
}

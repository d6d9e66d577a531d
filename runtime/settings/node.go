package settings

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
)

// Kind is what kind of value a Node has.
type Kind string

// The kinds.
const (
	KindGroup   Kind = "group"   // fixed fields, a level of the tree
	KindMap     Kind = "map"     // entries by names that the user chooses, a level of the tree
	KindBool    Kind = "boolean" //
	KindInteger Kind = "integer" //
	KindString  Kind = "string"  //
	KindList    Kind = "list"    // of scalars, lists or objects
	KindObject  Kind = "object"  // fixed fields within a list
	KindTuple   Kind = "tuple"   // the same, written as a list in the order of its fields
)

// defaultSize is the most entries of a list or a map that says nothing else.
const defaultSize = 64

// A node is one place in the tree of types.
type node struct {
	name, alias string
	kind        Kind
	doc         string
	def         json.RawMessage
	example     json.RawMessage
	refused     string
	sensitive   bool
	required    bool

	fields    []*node // of a group, an object or a tuple
	shorthand string  // the field that a bare value sets, "" for none
	elem      *node   // of a map or a list
	begins    string  // what a list of strings has to begin with, "" for nothing
	size      int     // the most entries of a map or a list
	rule      Rule    // of a string, of the names in a map
	min, max  int64   // of an integer
	alternate Alternate
}

// descends reports whether the node is a level of the tree, not a leaf.
func (n *node) descends() bool { return n.kind == KindGroup || n.kind == KindMap }

// field finds a field by its name or alias, or returns nil.
func (n *node) field(name string) *node {
	for _, f := range n.fields {
		if f.name == name || f.alias != "" && f.alias == name {
			return f
		}
	}
	return nil
}

// step goes down one segment of a key; the name is "*" in a map. Aliases are no
// segments.
func (n *node) step(segment string) (next *node, name string) {
	switch n.kind {
	case KindGroup:
		if f := n.field(segment); f != nil && f.name == segment {
			return f, segment
		}
	case KindMap:
		return n.elem, "*"
	}
	return nil, ""
}

// walk visits the levels below n and the leaves, parents first.
func (n *node) walk(k Key, visit func(Key, *node)) {
	switch n.kind {
	case KindGroup:
		for _, f := range n.fields {
			below := k.child(f.name)
			visit(below, f)
			f.walk(below, visit)
		}
	case KindMap:
		below := k.child("*")
		visit(below, n.elem)
		n.elem.walk(below, visit)
	}
}

// holdsSecret reports whether a value of n may hold a secret.
func (n *node) holdsSecret() bool {
	if n.sensitive {
		return true
	}
	if n.kind == KindList {
		return n.elem.holdsSecret()
	}
	if n.kind == KindObject || n.kind == KindTuple {
		for _, f := range n.fields {
			if f.holdsSecret() {
				return true
			}
		}
	}
	return false
}

// expected completes the words "expected …".
func (n *node) expected() string {
	switch n.kind {
	case KindBool:
		return "true or false"
	case KindInteger:
		if n.min == math.MinInt64 || n.max == math.MaxInt64 {
			return "an integer"
		}
		return fmt.Sprintf("an integer from %d to %d", n.min, n.max)
	case KindString:
		return n.rule.expected()
	case KindList:
		if n.begins != "" {
			return fmt.Sprintf("a list that begins with %q", n.begins)
		}
		return fmt.Sprintf("a list of up to %d, each %s", n.size, n.elem.expected())
	case KindTuple:
		return "a list of " + n.fieldNames(" and ")
	case KindMap:
		return "a table of entries by name"
	default:
		return "a table with " + n.fieldNames(", ")
	}
}

func (n *node) fieldNames(sep string) string {
	var names []string
	for _, f := range n.fields {
		names = append(names, f.name)
	}
	return strings.Join(names, sep)
}

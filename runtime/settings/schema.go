// Package settings is the schema of what can be set on a host. The Go types of
// the groups are the only schema: from them, by reflection, come validation,
// the OpenAPI document, JSON Schema, the reference docs and the completion of
// keys. A variant's schema is composed of the base groups and its own.
package settings

import "encoding/json"

// MaxSize bounds a document and a set of values, in bytes of keys and values.
const MaxSize = 1 << 20

// Values is a set of leaf settings: the canonical text of a Key to the
// canonical compact JSON of its value. A leaf is a scalar or a list; structs
// and maps are descended into, and the names in a map become segments.
type Values map[string]json.RawMessage

// Kind is what kind of value a Node has.
type Kind string

// The kinds.
const (
	KindGroup   Kind = "group"   // fixed fields
	KindMap     Kind = "map"     // entries by names that the user chooses
	KindBool    Kind = "boolean" //
	KindInteger Kind = "integer" //
	KindString  Kind = "string"  //
	KindList    Kind = "list"    // of any of the others
)

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
	Group     bool            // KindGroup or KindMap: not a leaf
	Refused   string          // known but not settable, and what to do instead
}

// APIDocument is what OpenAPI adds the settings to.
type APIDocument struct {
	Title, Version, Description string
	Paths                       map[string]any // path items
	Schemas                     map[string]any // components/schemas beside Settings
}

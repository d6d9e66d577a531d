package settings

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
)

// What types may say of themselves beside their Go kind.
type (
	// ruled is a string type with a Rule.
	ruled interface{ Rule() Rule }
	// tuple is a struct that is written as a list.
	tuple interface{ Tuple() }
	// shorthand is a struct for which a bare value of one field may stand:
	// dhcp4 = true for dhcp4.enabled = true.
	shorthand interface{ Shorthand() (field string) }
	// begun is a list of strings whose first has to be this one.
	begun interface{ Begins() string }
	// alternated is a type that can also be written otherwise.
	alternated interface{ Alternate() Alternate }
)

// An Alternate is another form in which a value may be written, for example one
// of an older release.
type Alternate struct {
	Convert func(v any) any // to the usual form; returns what is not of this form as it is
	Schema  map[string]any  // JSON Schema of the form
	Doc     string          // one sentence
}

// nodeOf reads the tree of a type. Levels below a list are no levels of the
// tree of settings.
func nodeOf(t reflect.Type) (*node, error) { return nodeIn(t, false) }

func nodeIn(t reflect.Type, inList bool) (*node, error) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	n := &node{size: defaultSize, min: math.MinInt64, max: math.MaxInt64}
	zero := reflect.Zero(t).Interface()
	if a, ok := zero.(alternated); ok {
		n.alternate = a.Alternate()
	}
	var err error
	switch t.Kind() {
	case reflect.Bool:
		n.kind = KindBool
	case reflect.Int, reflect.Int64:
		n.kind = KindInteger
	case reflect.String:
		n.kind = KindString
		n.rule, err = ruleOf(t)
	case reflect.Slice:
		n.kind = KindList
		if b, ok := zero.(begun); ok {
			n.begins = b.Begins()
		}
		n.elem, err = nodeIn(t.Elem(), true)
	case reflect.Map:
		err = n.readMap(t, inList)
	case reflect.Struct:
		err = n.readStruct(t, inList)
	default:
		err = errors.New("settings have no such kind of value")
	}
	if err != nil {
		return nil, fmt.Errorf("%v: %w", t, err)
	}
	return n, nil
}

func (n *node) readMap(t reflect.Type, inList bool) (err error) {
	n.kind = KindMap
	if inList {
		return errors.New("a map cannot be in a list")
	}
	if n.rule, err = ruleOf(t.Key()); err != nil {
		return err
	}
	n.elem, err = nodeIn(t.Elem(), false)
	return err
}

func (n *node) readStruct(t reflect.Type, inList bool) error {
	zero := reflect.Zero(t).Interface()
	n.kind = KindGroup
	if inList {
		n.kind = KindObject
	}
	if _, ok := zero.(tuple); ok {
		n.kind = KindTuple
	}
	if s, ok := zero.(shorthand); ok {
		n.shorthand = s.Shorthand()
	}
	for i := range t.NumField() {
		f, err := fieldOf(t.Field(i), n.kind != KindGroup)
		if err != nil {
			return fmt.Errorf("field %s: %w", t.Field(i).Name, err)
		}
		n.fields = append(n.fields, f)
	}
	return nil
}

// fieldOf reads the tags of one field.
func fieldOf(sf reflect.StructField, inList bool) (*node, error) {
	n, err := nodeIn(sf.Type, inList)
	if err != nil {
		return nil, err
	}
	n.name, _, _ = strings.Cut(sf.Tag.Get("json"), ",")
	if !isBare(n.name) {
		return nil, fmt.Errorf("the name %q in the tag json is not bare", n.name)
	}
	if n.doc = sf.Tag.Get("doc"); n.doc == "" {
		return nil, errors.New("the tag doc is missing")
	}
	n.alias, n.refused = sf.Tag.Get("alias"), sf.Tag.Get("refused")
	n.required, n.sensitive = sf.Tag.Get("required") == "true", sf.Tag.Get("sensitive") == "true"
	return n, errors.Join(
		bound(sf, "min", &n.min), bound(sf, "max", &n.max), n.readSize(sf),
		n.readJSON(sf, "default", &n.def), n.readJSON(sf, "example", &n.example),
	)
}

func bound(sf reflect.StructField, tag string, to *int64) error {
	text, ok := sf.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fmt.Errorf("the tag %s: %w", tag, err)
	}
	*to = v
	return nil
}

func (n *node) readSize(sf reflect.StructField) error {
	size := int64(defaultSize)
	err := bound(sf, "size", &size)
	n.size = int(size)
	return err
}

// readJSON reads a tag that holds a value of the field. A default of a map is
// kept whole.
func (n *node) readJSON(sf reflect.StructField, tag string, to *json.RawMessage) error {
	text, ok := sf.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	v, err := decodeStrict([]byte(text))
	if err != nil {
		return fmt.Errorf("the tag %s: %w", tag, err)
	}
	f := &flattener{values: Values{}}
	f.add(n, Key{sf.Name}, v, true)
	if err := f.err(); err != nil {
		return fmt.Errorf("the tag %s: %w", tag, err)
	}
	*to = compact(v)
	return nil
}

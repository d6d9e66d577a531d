package server

import (
	"encoding/json"
	"reflect"
	"strings"
	"time"
)

// components gathers the schemas of Go types, by their names.
type components struct{ schemas map[string]any }

// of is the schema of a value's type, as encoding/json writes it.
func (c *components) of(v any) any { return c.schema(reflect.TypeOf(v)) }

func (c *components) schema(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[settingsDoc]():
		return ref("Settings")
	case reflect.TypeFor[time.Time]():
		return map[string]any{"type": "string", "format": "date-time"}
	case reflect.TypeFor[json.RawMessage]():
		return map[string]any{}
	}
	switch t.Kind() {
	case reflect.Pointer:
		return c.schema(t.Elem())
	case reflect.Struct:
		return c.structure(t)
	case reflect.Map:
		return map[string]any{"type": "object", "additionalProperties": c.schema(t.Elem())}
	case reflect.Slice:
		return map[string]any{"type": []any{"array", "null"}, "items": c.schema(t.Elem())}
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Float64:
		return map[string]any{"type": "number"}
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Uint32, reflect.Uint64:
		return map[string]any{"type": "integer"}
	}
	return map[string]any{}
}

func ref(name string) any { return map[string]any{"$ref": "#/components/schemas/" + name} }

// structure puts the schema of a struct among the components, once.
func (c *components) structure(t reflect.Type) any {
	name := t.Name()
	if _, known := c.schemas[name]; known {
		return ref(name)
	}
	properties := map[string]any{}
	required := []any{}
	object := map[string]any{"type": "object", "properties": properties}
	c.schemas[name] = object // first, for types that hold themselves
	for i := range t.NumField() {
		f := t.Field(i)
		tag, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		if tag == "" || tag == "-" {
			continue
		}
		properties[tag] = c.schema(f.Type)
		if !strings.Contains(options, "omit") {
			required = append(required, tag)
		}
	}
	if len(required) > 0 {
		object["required"] = required
	}
	return ref(name)
}

package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
)

// dialect is JSON Schema 2020-12, which is OpenAPI 3.1's too.
const dialect = "https://json-schema.org/draft/2020-12/schema"

// JSONSchema returns a JSON Schema of a nested document of settings. It tells
// all that one value by itself has to be, but for what no pattern can say: see
// the descriptions. Rules over several settings are not in it.
func (s *Schema) JSONSchema() []byte {
	schema := s.root.schema()
	schema["$schema"] = dialect
	schema["title"] = "Settings"
	return indent(schema)
}

// OpenAPI returns the OpenAPI 3.1 document of the API: the settings as the
// component Settings, and what d adds.
func (s *Schema) OpenAPI(d APIDocument) []byte {
	schemas := map[string]any{"Settings": s.root.schema()}
	for name, schema := range d.Schemas {
		schemas[name] = schema
	}
	paths := d.Paths
	if paths == nil {
		paths = map[string]any{}
	}
	return indent(map[string]any{
		"openapi":           "3.1.0",
		"info":              map[string]any{"title": d.Title, "version": d.Version, "description": d.Description},
		"jsonSchemaDialect": dialect,
		"paths":             paths,
		"components":        map[string]any{"schemas": schemas},
	})
}

// APIDocument is what OpenAPI adds the settings to.
type APIDocument struct {
	Title, Version, Description string
	Paths                       map[string]any // path items by path
	Schemas                     map[string]any // components/schemas beside Settings
}

// indent encodes for people; the same input gives the same bytes.
func indent(v any) []byte {
	raw := compact(v)
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		panic(fmt.Sprintf("settings: indenting what was just encoded: %v", err))
	}
	b.WriteByte('\n')
	return b.Bytes()
}

// schema is the JSON Schema of a node.
func (n *node) schema() map[string]any {
	m := n.form()
	if n.shorthand != "" {
		m = map[string]any{"anyOf": []any{n.field(n.shorthand).form(), m}}
	}
	if n.alternate.Schema != nil {
		m = map[string]any{"anyOf": []any{m, n.alternate.Schema}}
	}
	if n.doc != "" {
		m["description"] = n.doc
	}
	if n.refused != "" {
		return map[string]any{"description": n.doc + " Refused: " + n.refused + ".", "not": map[string]any{}}
	}
	if n.def != nil {
		m["default"] = n.def
	}
	if n.example != nil {
		m["examples"] = []any{n.example}
	}
	if n.sensitive {
		m["x-sensitive"] = true
	}
	return m
}

// form is the part of the schema that judges.
func (n *node) form() map[string]any {
	switch n.kind {
	case KindBool:
		return map[string]any{"type": "boolean"}
	case KindInteger:
		return n.integerForm()
	case KindString:
		return n.rule.form()
	case KindList:
		m := map[string]any{"type": "array", "items": n.elem.schema(), "maxItems": n.size}
		if n.begins != "" {
			m["prefixItems"], m["minItems"] = []any{map[string]any{"const": n.begins}}, 1
		}
		return m
	case KindTuple:
		var members []any
		for _, f := range n.fields {
			members = append(members, f.schema())
		}
		return map[string]any{"type": "array", "prefixItems": members, "minItems": len(members), "maxItems": len(members)}
	case KindMap:
		names := n.rule.form()
		delete(names, "type") // a name is a string anyway
		return map[string]any{
			"type": "object", "additionalProperties": n.elem.schema(), "propertyNames": names, "maxProperties": n.size,
		}
	}
	return n.tableForm()
}

func (n *node) tableForm() map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, f := range n.fields {
		properties[f.name] = f.schema()
		if f.alias != "" {
			properties[f.alias] = f.schema()
		}
		if f.required {
			required = append(required, f.name)
		}
	}
	m := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		m["required"] = required
	}
	return m
}

func (n *node) integerForm() map[string]any {
	m := map[string]any{"type": "integer"}
	if n.min != math.MinInt64 {
		m["minimum"] = n.min
	}
	if n.max != math.MaxInt64 {
		m["maximum"] = n.max
	}
	return m
}

func (r Rule) form() map[string]any {
	m := map[string]any{"type": "string"}
	if len(r.Enum) > 0 {
		m["enum"] = r.Enum
		return m
	}
	m["maxLength"] = r.limit()
	if r.MinLength > 0 {
		m["minLength"] = r.MinLength
	}
	if r.Pattern != "" {
		m["pattern"] = r.Pattern
	}
	if r.Format != "" {
		m["format"] = r.Format
	}
	if r.Expected != "" {
		m["description"] = "Expected: " + r.Expected + "."
	}
	return m
}

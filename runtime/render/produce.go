package render

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"text/template"
)

// maxFile bounds a rendered file, in bytes.
const maxFile = 8 << 20

// A production is what a template makes of the settings.
type production struct {
	template *Template
	files    []file
}

// A file is one rendered file.
type file struct {
	path string
	data []byte
}

// An Element is what a template with "each" is given: "." is its Element.
type Element struct {
	Name  string // the key in a map, the index in a list
	Value any
}

// produce renders the template in memory. A file without content is left out.
func (t *Template) produce(root string, nested map[string]any) ([]file, error) {
	if !t.wanted(nested) {
		return nil, nil
	}
	s := &scope{root: root, header: t.Header, nested: nested}
	if !t.Header.many() {
		f, err := t.render(s, nil)
		return f, t.blame(err)
	}
	elements, err := s.elements()
	if err != nil {
		return nil, t.blame(err)
	}
	var files []file
	for _, e := range elements {
		f, err := t.render(s, e)
		if err != nil {
			err = fmt.Errorf("for %s: %w", e.Name, err)
			return nil, t.blame(err)
		}
		files = append(files, f...)
	}
	return files, nil
}

// wanted tells whether the header's "when" holds.
func (t *Template) wanted(nested map[string]any) bool {
	for _, k := range t.Header.When {
		if v, ok := find(nested, k); ok && !empty(v) {
			return true
		}
	}
	return len(t.Header.When) == 0
}

// render makes the file for one dot; none, if it has no content.
func (t *Template) render(s *scope, dot any) ([]file, error) {
	data, err := run(t.body, s, dot)
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return nil, err
	}
	where, err := run(t.path, s, dot)
	if err != nil {
		return nil, fmt.Errorf("making the path: %w", err)
	}
	p := string(where)
	if ok, err := path.Match(t.glob, p); err != nil || !ok || path.Clean(p) != p || !owned(p) {
		return nil, fmt.Errorf("making the path: %q is not a place for it", p)
	}
	return []file{{path: p, data: data}}, nil
}

// run executes a compiled template with the helpers of this scope.
func run(t *template.Template, s *scope, dot any) ([]byte, error) {
	t, err := t.Clone()
	if err != nil {
		return nil, err
	}
	b := &limited{}
	if err := t.Funcs(s.funcs()).Execute(b, dot); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// limited is a buffer that fails beyond maxFile.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if l.Len()+len(p) > maxFile {
		return 0, fmt.Errorf("the file is larger than %d bytes", maxFile)
	}
	return l.Buffer.Write(p)
}

// blame makes an error name the template and, where it is known, the key.
func (t *Template) blame(err error) error {
	if err == nil {
		return nil
	}
	e := &Error{Template: t.Name, Message: strings.TrimPrefix(err.Error(), "template: ")}
	var missing *missingError
	if errors.As(err, &missing) {
		e.Key, e.Message = missing.key, missing.message
	}
	return e
}

// find looks a dotted key up.
func find(nested map[string]any, key string) (any, bool) {
	var at any = nested
	for _, segment := range strings.Split(key, ".") {
		m, ok := at.(map[string]any)
		if !ok {
			return nil, false
		}
		if at, ok = m[segment]; !ok || at == nil {
			return nil, false
		}
	}
	return at, true
}

// empty tells whether a setting says nothing.
func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case string:
		return v == ""
	case bool:
		return !v
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}

// normal returns a copy in which whole numbers are int64, so that templates can
// compare them, however the settings were decoded.
func normal(nested map[string]any) map[string]any {
	out := make(map[string]any, len(nested))
	for k, v := range nested {
		out[k] = normalValue(v)
	}
	return out
}

func normalValue(v any) any {
	switch v := v.(type) {
	case map[string]any:
		return normal(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = normalValue(v[i])
		}
		return out
	case []string:
		out := make([]any, len(v))
		for i := range v {
			out[i] = v[i]
		}
		return out
	case json.Number:
		if n, err := strconv.ParseInt(v.String(), 10, 64); err == nil {
			return n
		}
		if f, err := v.Float64(); err == nil {
			return normalValue(f)
		}
		return v.String()
	case float64:
		if v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v)
		}
	case json.RawMessage:
		return normalJSON(v)
	}
	return v
}

func normalJSON(raw json.RawMessage) any {
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return string(raw)
	}
	return normalValue(v)
}

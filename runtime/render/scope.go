package render

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

// A scope is what a template sees while it is rendered.
type scope struct {
	root   string // where the image's files are
	header Header
	nested map[string]any
}

// missingError is a setting that is not there or not of the form that the
// template counts on.
type missingError struct{ key, message string }

func (e *missingError) Error() string { return "settings." + e.key + ": " + e.message }

// funcs are the helpers of templates; docs/reference/templates.md has them all.
func (s *scope) funcs() template.FuncMap {
	return template.FuncMap{
		"setting": s.setting, "settingOr": s.settingOr, "isSet": s.isSet,
		"get": get, "getOr": getOr, "default": fallback,
		"include": s.include,
		"word":    word, "words": words, "join": join, "quote": quote, "env": env, "toml": tomlValue, "json": jsonValue,
		"sysctl": sysctl, "systemdEscape": systemdEscape, "filename": filename, "url": baseURL, "registry": registryHost,
		"base64": decodeBase64, "pem": certificates, "text": text, "binary": binary,
		"emit": emit,
	}
}

// Helpers lists the names of the helpers that templates may call, sorted.
func Helpers() []string {
	all := (&scope{}).funcs()
	delete(all, "emit")
	return slices.Sorted(maps.Keys(all))
}

// setting returns the value of a key that must be set.
func (s *scope) setting(key string) (any, error) {
	if !s.header.covers(key) {
		return nil, &missingError{key, "the header of the template does not name it"}
	}
	v, ok := find(s.nested, key)
	if !ok {
		return nil, &missingError{key, "is not set"}
	}
	return v, nil
}

// settingOr returns the value of a key, or other where it is not set.
func (s *scope) settingOr(key string, other any) (any, error) {
	if !s.header.covers(key) {
		return nil, &missingError{key, "the header of the template does not name it"}
	}
	if v, ok := find(s.nested, key); ok {
		return v, nil
	}
	return other, nil
}

// isSet tells whether a key is set.
func (s *scope) isSet(key string) (bool, error) {
	if !s.header.covers(key) {
		return false, &missingError{key, "the header of the template does not name it"}
	}
	_, ok := find(s.nested, key)
	return ok, nil
}

// elements lists what the template makes files for, in order.
func (s *scope) elements() ([]Element, error) {
	if v, ok := views[s.header.View]; ok {
		setting, _ := find(s.nested, v.reads)
		return v.make(setting), nil
	}
	v, ok := find(s.nested, s.header.Each)
	if !ok {
		return nil, nil
	}
	var out []Element
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			out = append(out, Element{Name: name, Value: v[name]})
		}
	case []any:
		for i := range v {
			out = append(out, Element{Name: strconv.Itoa(i), Value: v[i]})
		}
	default:
		return nil, &missingError{s.header.Each, "is neither a table nor a list"}
	}
	return out, nil
}

// include returns a file of the image as it is.
func (s *scope) include(name string) (Text, error) {
	if !strings.HasPrefix(name, "/usr/") || path.Clean(name) != name {
		return "", fmt.Errorf("%q is not a file below /usr", name)
	}
	b, err := os.ReadFile(filepath.Join(s.root, name))
	if err != nil {
		return "", err
	}
	return Text(b), nil
}

// get returns the field of a table that must be there.
func get(table any, name string) (any, error) {
	m, ok := table.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("there is no %q: this is not a table", name)
	}
	v, ok := m[name]
	if !ok || v == nil {
		return nil, &missingError{name, "is not set"}
	}
	return v, nil
}

// getOr returns the field of a table, or other where it is not there.
func getOr(table any, name string, other any) (any, error) {
	m, ok := table.(map[string]any)
	if !ok {
		return nil, errors.New("this is not a table")
	}
	if v, ok := m[name]; ok && v != nil {
		return v, nil
	}
	return other, nil
}

// fallback returns value, or other where value is nothing, "", 0 entries or
// false.
func fallback(other, value any) any {
	if empty(value) {
		return other
	}
	return value
}

package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
)

// Nest is the inverse of Flatten: a nested document with the values in their
// places, numbers as int64. What has no valid key or value is left out. Its
// encoding by json.Marshal is always the same.
func (s *Schema) Nest(v Values) map[string]any {
	root := map[string]any{}
	for _, text := range slices.Sorted(maps.Keys(v)) {
		k, err := ParseKey(text)
		if err != nil {
			continue
		}
		value, err := decodeStrict(v[text])
		if err != nil {
			continue
		}
		put(root, k, plain(value))
	}
	return root
}

// put stores a value under a key. Where a leaf is in the way it gives way.
func put(table map[string]any, k Key, value any) {
	for _, segment := range k[:len(k)-1] {
		below, ok := table[segment].(map[string]any)
		if !ok {
			below = map[string]any{}
			table[segment] = below
		}
		table = below
	}
	table[k[len(k)-1]] = value
}

// plain turns json.Number into int64, or float64 where it is not an integer.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if i, ok := integer(v); ok {
			return i
		}
		f, _ := v.Float64()
		return f
	case []any:
		for i := range v {
			v[i] = plain(v[i])
		}
	case map[string]any:
		for name := range v {
			v[name] = plain(v[name])
		}
	}
	return v
}

// Decode brings values into a Go type: Settings, a variant's own tree, or a
// struct with some of their fields. What is not set stays zero; see
// [Schema.WithDefaults].
func Decode[T any](s *Schema, v Values) (T, error) {
	var to T
	b, err := json.Marshal(s.Nest(v))
	if err != nil {
		return to, fmt.Errorf("encoding the settings: %w", err)
	}
	if err := json.Unmarshal(b, &to); err != nil {
		return to, fmt.Errorf("decoding the settings into %T: %w", to, err)
	}
	return to, nil
}

// Or returns *p, or fallback if p is nil.
func Or[T any](p *T, fallback T) T {
	if p == nil {
		return fallback
	}
	return *p
}

package render

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tomlValue returns a value as TOML 1.0: a basic string, a number, a boolean,
// an array or an inline table.
func tomlValue(v any) (Text, error) {
	var b strings.Builder
	if err := writeTOML(&b, v); err != nil {
		return "", err
	}
	return Text(b.String()), nil
}

func writeTOML(b *strings.Builder, v any) error {
	switch v := v.(type) {
	case []any:
		b.WriteByte('[')
		for i, m := range v {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeTOML(b, m); err != nil {
				return err
			}
		}
		b.WriteByte(']')
		return nil
	case map[string]any:
		b.WriteByte('{')
		for i, k := range slices.Sorted(maps.Keys(v)) {
			if i > 0 {
				b.WriteString(", ")
			}
			if err := writeTOML(b, k); err != nil {
				return err
			}
			b.WriteString(" = ")
			if err := writeTOML(b, v[k]); err != nil {
				return err
			}
		}
		b.WriteByte('}')
		return nil
	case bool, int64, int:
		fmt.Fprint(b, v)
		return nil
	case float64:
		return writeFloat(b, v)
	}
	s, err := scalar(v)
	if err != nil {
		return err
	}
	return writeString(b, s)
}

func writeFloat(b *strings.Builder, f float64) error {
	if math.IsInf(f, 0) || math.IsNaN(f) {
		return fmt.Errorf("%v is not a number", f)
	}
	s := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(s, ".") {
		s += ".0"
	}
	b.WriteString(s)
	return nil
}

// writeString writes a basic string; every character that TOML does not allow
// in one, or that cannot be seen, is escaped.
func writeString(b *strings.Builder, s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("the value is not UTF-8 text")
	}
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r > 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(b, `\U%08X`, r)
		case !unicode.IsPrint(r):
			fmt.Fprintf(b, `\u%04X`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return nil
}

// jsonValue returns a value as compact JSON.
func jsonValue(v any) (Text, error) {
	if t, ok := v.(Text); ok {
		v = string(t)
	}
	b, err := json.Marshal(v)
	return Text(b), err
}

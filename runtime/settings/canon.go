package settings

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A canonizer brings the value of a leaf into its canonical form.
type canonizer struct {
	key      string
	problems []*Problem
}

func (c *canonizer) fail(n *node, at string, v any, message string) any {
	p := &Problem{Key: c.key, At: at, Message: message, Expected: n.expected(), Found: describe(v)}
	if n.holdsSecret() {
		p.Found = ""
	}
	if len(c.problems) < maxProblems {
		c.problems = append(c.problems, p)
	}
	return nil
}

// value checks v and returns it as string, bool, int64, []any or
// map[string]any. The place within the leaf is at.
func (c *canonizer) value(n *node, at string, v any) any {
	if n.alternate.Convert != nil {
		v = n.alternate.Convert(v)
	}
	switch n.kind {
	case KindBool:
		if b, ok := v.(bool); ok {
			return b
		}
	case KindInteger:
		if i, ok := integer(v); ok {
			return c.integer(n, at, i)
		}
	case KindString:
		if s, ok := v.(string); ok {
			return c.text(n, at, s)
		}
	case KindList:
		if list, ok := v.([]any); ok {
			return c.list(n, at, list)
		}
	case KindTuple:
		if list, ok := v.([]any); ok {
			return c.tuple(n, at, list)
		}
	case KindObject:
		if table, ok := v.(map[string]any); ok {
			return c.object(n, at, table)
		}
	}
	return c.fail(n, at, v, "is of the wrong type")
}

func (c *canonizer) integer(n *node, at string, i int64) any {
	if i < n.min || i > n.max {
		return c.fail(n, at, i, "is out of range")
	}
	return i
}

func (c *canonizer) text(n *node, at, s string) any {
	if err := n.rule.judge(s); err != nil {
		return c.fail(n, at, s, err.Error())
	}
	return s
}

func (c *canonizer) list(n *node, at string, list []any) any {
	if len(list) > n.size {
		p := tooMany(n, nil, len(list))
		p.Key, p.At = c.key, at
		c.problems = append(c.problems, p)
		return nil
	}
	if n.begins != "" && (len(list) == 0 || list[0] != n.begins) {
		return c.fail(n, at, list, "does not begin with "+n.begins)
	}
	canonical := make([]any, len(list))
	for i, v := range list {
		canonical[i] = c.value(n.elem, fmt.Sprintf("%s[%d]", at, i), v)
	}
	return canonical
}

func (c *canonizer) tuple(n *node, at string, list []any) any {
	if len(list) != len(n.fields) {
		return c.fail(n, at, list, fmt.Sprintf("has %d members, not %d", len(list), len(n.fields)))
	}
	canonical := make([]any, len(list))
	for i, f := range n.fields {
		canonical[i] = c.value(f, fmt.Sprintf("%s[%d]", at, i), list[i])
	}
	return canonical
}

func (c *canonizer) object(n *node, at string, table map[string]any) any {
	canonical := map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(table)) {
		f := n.field(name)
		below := at + "." + trim(name, 64)
		if f == nil {
			c.fail(n, below, table[name], "no such setting")
			continue
		}
		if _, twice := canonical[f.name]; twice {
			c.fail(f, below, table[name], "is there twice, by two names")
			continue
		}
		canonical[f.name] = c.value(f, below, table[name])
	}
	for _, f := range n.fields {
		if _, ok := canonical[f.name]; f.required && !ok {
			c.fail(f, at+"."+f.name, nil, "is missing")
		}
	}
	return canonical
}

// integer reads the types of number that JSON and TOML are decoded to. As in
// JSON Schema, 1.0 is an integer.
func integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case int:
		return int64(v), true
	case float64:
		// Above 2^53 a float64 no longer tells neighbours apart.
		if v == math.Trunc(v) && math.Abs(v) <= 1<<53 {
			return int64(v), true
		}
	case json.Number:
		if i, err := strconv.ParseInt(string(v), 10, 64); err == nil {
			return i, true
		}
		if fl, err := strconv.ParseFloat(string(v), 64); err == nil {
			return integer(fl)
		}
	}
	return 0, false
}

func wrongType(n *node, k Key, v any) *Problem {
	return &Problem{Key: k.String(), Message: "is of the wrong type", Expected: n.expected(), Found: describe(v)}
}

// describe names a value of a document, shortened.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nothing"
	case string:
		return shorten(v)
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return trim(string(v), 32)
	case int64, int, float64:
		return fmt.Sprint(v)
	case []any:
		return fmt.Sprintf("a list of %d", len(v))
	case map[string]any:
		return fmt.Sprintf("a table of %d", len(v))
	}
	return fmt.Sprintf("a value of the type %s", strings.TrimPrefix(fmt.Sprintf("%T", v), "toml."))
}

// shorten quotes at most 64 bytes of a text.
func shorten(s string) string { return strconv.Quote(trim(s, 64)) }

// trim cuts a text to at most n bytes, between characters.
func trim(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

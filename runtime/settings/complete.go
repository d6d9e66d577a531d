package settings

import (
	"slices"
	"strings"
)

// Complete returns, for a shell, what the last segment of a key that someone
// types may become: names of the schema, those of groups and maps with a dot at
// the end. Names in a map are the user's; the schema does not complete them.
// A leading "settings." stays.
func (s *Schema) Complete(prefix string) []string {
	done, typed := cutTyped(prefix)
	k := Key{}
	if keyText := strings.TrimSuffix(strings.TrimPrefix(done, "settings."), "."); keyText != "" {
		var err error
		if k, err = ParseKey(keyText); err != nil {
			return nil
		}
	}
	n := s.root
	for _, segment := range k {
		if n, _ = n.step(segment); n == nil {
			return nil
		}
	}
	if n.kind != KindGroup {
		return nil
	}
	var all []string
	for _, f := range n.fields {
		if f.refused == "" && strings.HasPrefix(f.name, typed) {
			all = append(all, done+f.name+f.dot())
		}
	}
	slices.Sort(all)
	return all
}

// cutTyped splits off what follows the last dot that is not in quotes.
func cutTyped(prefix string) (done, typed string) {
	quoted, last := false, 0
	for i := 0; i < len(prefix); i++ {
		switch c := prefix[i]; {
		case c == '\\' && quoted:
			i++
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			last = i + 1
		}
	}
	return prefix[:last], prefix[last:]
}

// dot follows the name of what has something below it.
func (n *node) dot() string {
	if n.descends() {
		return "."
	}
	return ""
}

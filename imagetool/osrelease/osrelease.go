// Package osrelease reads os-release files.
//
// Reference: os-release(5).
package osrelease

import (
	"fmt"
	"strings"
)

// Parse returns the variables of an os-release file. Lines that are no
// assignment are errors, because a UKI with a damaged one is not listed by
// the boot loader.
func Parse(data []byte) (map[string]string, error) {
	vars := map[string]string{}
	for i, line := range strings.Split(string(data), "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		name, value, ok := strings.Cut(line, "=")
		if !ok || name == "" {
			return nil, fmt.Errorf("os-release line %d: %q is no assignment", i+1, line)
		}
		vars[name] = unquote(value)
	}
	return vars, nil
}

// unquote takes off single or double quotes and the backslashes that escape
// within double quotes.
func unquote(s string) string {
	if len(s) < 2 || s[0] != s[len(s)-1] || (s[0] != '"' && s[0] != '\'') {
		return s
	}
	double := s[0] == '"'
	s = s[1 : len(s)-1]
	if !double {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

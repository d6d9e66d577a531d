package store

import (
	"fmt"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// A pattern is a key in which nil stands for any one segment.
type pattern []*string

// parsePattern reads a key in which segments may be a bare *. A quoted "*" is
// the character.
func parsePattern(s string) (pattern, error) {
	var b strings.Builder
	var stars []bool // of each segment
	quoted, escaped, isStar := false, false, false
	for _, c := range []byte(s) {
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quoted:
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == '.' && !quoted:
			stars, isStar = append(stars, isStar), false
		case c == '*' && !quoted:
			isStar = true
			b.WriteString(`"*"`)
			continue
		}
		b.WriteByte(c)
	}
	key, err := settings.ParseKey(b.String())
	if err != nil {
		return nil, fmt.Errorf("parsing the pattern %q: %w", s, err)
	}
	stars = append(stars, isStar)
	stars = stars[len(stars)-len(key):] // ParseKey took "settings." off
	p := make(pattern, len(key))
	for i := range key {
		if !stars[i] {
			p[i] = &key[i]
		}
	}
	return p, nil
}

func (p pattern) stars() int {
	n := 0
	for _, segment := range p {
		if segment == nil {
			n++
		}
	}
	return n
}

// match reports whether the pattern names k or a group above it, and gives what
// its stars stand for and what of k lies below it.
func (p pattern) match(k settings.Key) (stars []string, below settings.Key, ok bool) {
	if len(k) < len(p) {
		return nil, nil, false
	}
	for i, segment := range p {
		if segment == nil {
			stars = append(stars, k[i])
		} else if *segment != k[i] {
			return nil, nil, false
		}
	}
	return stars, k[len(p):], true
}

// fill is the key with stars and with what lies below.
func (p pattern) fill(stars []string, below settings.Key) settings.Key {
	var k settings.Key
	for _, segment := range p {
		if segment == nil {
			k = append(k, stars[0])
			stars = stars[1:]
			continue
		}
		k = append(k, *segment)
	}
	return append(k, below...)
}

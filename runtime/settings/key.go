package settings

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// Bounds of keys.
const (
	MaxKey   = 512 // bytes of a key as text
	MaxDepth = 32  // segments of a key, levels of a document
)

// A Key names a setting or a group, one segment a level, without the leading
// "settings": {"ntp", "time-servers"}.
type Key []string

// ParseKey reads a key as people write it: segments between dots, those with
// other characters than letters, digits, "_" and "-" in double quotes, in which
// a backslash stands before a quote or a backslash. A leading "settings." is
// taken off.
//
//	kernel.sysctl."net.ipv4.ip_forward"
func ParseKey(s string) (Key, error) {
	if len(s) > MaxKey {
		return nil, fmt.Errorf("parsing a key: it has %d bytes, more than %d", len(s), MaxKey)
	}
	if !utf8.ValidString(s) {
		return nil, fmt.Errorf("parsing the key %q: it is not UTF-8 text", s)
	}
	var k Key
	for rest := s; ; {
		segment, after, err := cutSegment(rest)
		if err != nil {
			return nil, fmt.Errorf("parsing the key %q: %w", s, err)
		}
		k = append(k, segment)
		if after == "" {
			break
		}
		rest = after[1:]
	}
	if len(k) > 1 && strings.HasPrefix(s, "settings.") {
		k = k[1:]
	}
	if len(k) > MaxDepth {
		return nil, fmt.Errorf("parsing the key %q: it has %d segments, more than %d", s, len(k), MaxDepth)
	}
	return k, nil
}

// cutSegment splits off the first segment; after is empty or begins with the
// dot that follows it.
func cutSegment(s string) (segment, after string, err error) {
	if strings.HasPrefix(s, `"`) {
		return cutQuoted(s)
	}
	end := strings.IndexByte(s, '.')
	if end < 0 {
		end = len(s)
	}
	segment = s[:end]
	if segment == "" {
		return "", "", fmt.Errorf("a segment is empty")
	}
	if !isBare(segment) {
		return "", "", fmt.Errorf("the segment %q has characters that need double quotes around it", segment)
	}
	return segment, s[end:], nil
}

func cutQuoted(s string) (segment, after string, err error) {
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
			if i == len(s) || s[i] != '"' && s[i] != '\\' {
				return "", "", fmt.Errorf(`a backslash stands before something else than a quote or a backslash`)
			}
			b.WriteByte(s[i])
		case '"':
			if b.Len() == 0 {
				return "", "", fmt.Errorf("a segment is empty")
			}
			if after = s[i+1:]; after != "" && after[0] != '.' {
				return "", "", fmt.Errorf("%q follows a closing quote, want a dot", after)
			}
			return b.String(), after, nil
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", fmt.Errorf("a quote is not closed")
}

// isBare reports whether a segment needs no quotes.
func isBare(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return s != ""
}

// String is the canonical text of the key, which ParseKey reads: quotes are
// where they are needed. A key that begins with a segment "settings" gets the
// prefix, so that it is not taken off from it.
func (k Key) String() string {
	var b strings.Builder
	if len(k) > 1 && k[0] == "settings" {
		b.WriteString("settings.")
	}
	for i, segment := range k {
		if i > 0 {
			b.WriteByte('.')
		}
		if isBare(segment) {
			b.WriteString(segment)
			continue
		}
		b.WriteByte('"')
		for _, c := range []byte(segment) {
			if c == '"' || c == '\\' {
				b.WriteByte('\\')
			}
			b.WriteByte(c)
		}
		b.WriteByte('"')
	}
	return b.String()
}

// HasPrefix reports whether the key is p or lies below it.
func (k Key) HasPrefix(p Key) bool {
	return len(p) <= len(k) && slices.Equal(k[:len(p)], p)
}

// child is the key with one more segment; it shares nothing with k.
func (k Key) child(segment string) Key {
	return append(slices.Clone(k), segment)
}

package userdata

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"

	"github.com/slipway-os/slipway/runtime/settings"
)

// root is the table that all settings are below.
const root = "settings"

// parseTOML reads one TOML text, which lies at a place of the user data.
func parseTOML(text []byte, s *settings.Schema, at place) (*document, error) {
	doc := &document{values: settings.Values{}, lines: lines{}}
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	nested, err := doc.decode(text, s)
	if err == nil {
		doc.warnings = doc.strangers(nested, at)
		doc.values, err = doc.flatten(nested, s, at)
	}
	for _, p := range settings.Problems(err) {
		at.put(p)
	}
	for key, line := range doc.lines {
		doc.lines[key] = at.line(line)
	}
	return doc, err
}

// decode decodes the text and finds its lines; errors are Problems.
func (d *document) decode(text []byte, s *settings.Schema) (nested map[string]any, err error) {
	if err := refuse(text); err != nil {
		return nil, err
	}
	if line := notUTF8(text); line > 0 {
		return nil, &settings.Problem{Line: line, Message: "is not UTF-8 text"}
	}
	if d.lines, err = linesOf(text, s); err != nil {
		return nil, err
	}
	err = toml.Unmarshal(text, &nested)
	var bad *toml.DecodeError
	if errors.As(err, &bad) {
		line, _ := bad.Position()
		p := &settings.Problem{Line: line, Message: "the TOML is not valid: " + strings.TrimPrefix(bad.Error(), "toml: ")}
		if key := bad.Key(); len(key) > 1 && key[0] == root {
			p.Key = settings.Key(key[1:]).String()
		}
		return nil, p
	}
	if err != nil {
		return nil, &settings.Problem{Message: "the TOML is not valid: " + strings.TrimPrefix(err.Error(), "toml: ")}
	}
	return nested, nil
}

// notUTF8 returns the line of the first byte that is not, 0 if all is well.
func notUTF8(text []byte) int {
	if utf8.Valid(text) {
		return 0
	}
	line := 1
	for len(text) > 0 {
		r, n := utf8.DecodeRune(text)
		if r == utf8.RuneError && n == 1 {
			break
		}
		if r == '\n' {
			line++
		}
		text = text[n:]
	}
	return line
}

// maxStrangers bounds how many names are warned of.
const maxStrangers = 16

// strangers warns of what lies beside [settings].
func (d *document) strangers(nested map[string]any, at place) (warnings []string) {
	for _, name := range slices.Sorted(maps.Keys(nested)) {
		if name == root {
			continue
		}
		if len(warnings) == maxStrangers {
			return append(warnings, "there are more names that are not below settings; they are not used")
		}
		line := at.line(max(1, d.lines[outside+name]))
		warnings = append(warnings, fmt.Sprintf("line %d: %s is not below settings; it is not used", line, shorten(name)))
	}
	return warnings
}

// flatten checks what is below [settings]. Unknown groups become warnings.
func (d *document) flatten(nested map[string]any, s *settings.Schema, at place) (settings.Values, error) {
	below, ok := nested[root].(map[string]any)
	if !ok {
		if nested[root] == nil {
			return settings.Values{}, nil
		}
		return nil, &settings.Problem{Line: d.lines.of(""), Message: "settings is not a table"}
	}
	values, err := s.Flatten(below)
	unknown := settings.UnknownGroups(err)
	for _, u := range unknown {
		u.Line = at.line(d.lines.of(settings.Key{u.Group}.String()))
	}
	slices.SortStableFunc(unknown, func(a, b *settings.UnknownGroupError) int { return a.Line - b.Line })
	for _, u := range unknown {
		d.warnings = append(d.warnings, u.Error()+"; it is not used")
	}
	if len(settings.Problems(err)) == 0 {
		return values, nil
	}
	return nil, d.locate(err)
}

// shorten quotes the start of a name.
func shorten(name string) string {
	if len(name) > 64 {
		name = strings.ToValidUTF8(name[:64], "") + "…"
	}
	return fmt.Sprintf("%q", name)
}

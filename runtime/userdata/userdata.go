// Package userdata reads the settings that the machine's owner hands to the
// host from outside. Nothing in it may ever stop a boot: what is wrong is
// returned with its key and line, and the defaults hold.
package userdata

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/pelletier/go-toml/v2"
)

// MaxSize bounds user data, in bytes.
const MaxSize = 1 << 20

// Settings is what user data may say. The zero value is the default.
type Settings struct {
	API API `toml:"api"`
}

// API is the group settings.api.
type API struct {
	// VirtioSerial opens the API on the virtio-serial port dev.slipway.api,
	// that is, to whoever runs the hypervisor.
	VirtioSerial bool `toml:"virtio-serial"`
}

// document is the whole of a user data file.
type document struct {
	Settings Settings `toml:"settings"`
}

// groups are the known groups of [settings]; a key below them that is not
// known is a mistake, while an unknown group may belong to another version.
var groups = []string{"api"}

// An Error is a mistake in user data.
type Error struct {
	Line    int    // counted from 1; 0 where no line is to blame
	Key     string // dotted, "" where no key is to blame
	Message string
}

// Error says "line 3: settings.api.virtio-serial: MESSAGE".
func (e *Error) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	if e.Key != "" {
		fmt.Fprintf(&b, "%s: ", e.Key)
	}
	b.WriteString(e.Message)
	return b.String()
}

// Parse reads user data. Empty data is valid. The warnings name groups that
// are not known here and were passed over. If err is not nil it joins one
// *Error for each mistake and the settings are the defaults.
func Parse(data []byte) (s Settings, warnings []string, err error) {
	if err := precheck(data); err != nil {
		return Settings{}, nil, err
	}
	var doc document
	dec := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields()
	err = dec.Decode(&doc)
	var unknown *toml.StrictMissingError
	var bad *toml.DecodeError
	switch {
	case err == nil:
		return doc.Settings, nil, nil
	case errors.As(err, &unknown):
		warnings, err = judgeUnknown(unknown)
	case errors.As(err, &bad):
		err = fromTOML(bad, strings.TrimPrefix(bad.Error(), "toml: "))
	default:
		err = &Error{Message: err.Error()}
	}
	if err != nil {
		return Settings{}, warnings, err
	}
	return doc.Settings, warnings, nil
}

// precheck gives the usual mix-ups an answer that says what to do.
func precheck(data []byte) error {
	switch {
	case len(data) > MaxSize:
		return &Error{Message: fmt.Sprintf("is larger than %d bytes", MaxSize)}
	case bytes.HasPrefix(data, []byte("#cloud-config")):
		return &Error{Line: 1, Message: "this is #cloud-config, which this host does not read: write TOML with [settings.…] groups"}
	case bytes.HasPrefix(data, []byte("#!")):
		return &Error{Line: 1, Message: "this is a script, and this host runs none: write TOML with [settings.…] groups"}
	}
	for line, rest := 1, data; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		if r == utf8.RuneError && n == 1 {
			return &Error{Line: line, Message: "is not UTF-8 text"}
		}
		if r == '\n' {
			line++
		}
		rest = rest[n:]
	}
	return nil
}

// judgeUnknown splits keys that have no field into warnings (a whole group is
// unknown) and mistakes (a known group has no such key).
func judgeUnknown(unknown *toml.StrictMissingError) (warnings []string, err error) {
	var mistakes []error
	for i := range unknown.Errors {
		e := &unknown.Errors[i]
		key := e.Key()
		if group, known := groupOf(key); !known {
			line, _ := e.Position()
			w := fmt.Sprintf("line %d: %s: unknown group, not used", line, group)
			if !slices.ContainsFunc(warnings, func(have string) bool { return sameGroup(have, w) }) {
				warnings = append(warnings, w)
			}
			continue
		}
		mistakes = append(mistakes, fromTOML(e, "no such setting"))
	}
	return warnings, errors.Join(mistakes...)
}

// groupOf returns the dotted name of the group that a key is in and whether it
// is known.
func groupOf(key toml.Key) (string, bool) {
	if len(key) < 2 || key[0] != "settings" {
		return strings.Join(key[:min(len(key), 1)], "."), false
	}
	return strings.Join(key[:2], "."), slices.Contains(groups, key[1])
}

// sameGroup compares two warnings but for their lines.
func sameGroup(a, b string) bool {
	_, a, _ = strings.Cut(a, ": ")
	_, b, _ = strings.Cut(b, ": ")
	return a == b
}

func fromTOML(e *toml.DecodeError, message string) *Error {
	line, _ := e.Position()
	return &Error{Line: line, Key: strings.Join(e.Key(), "."), Message: message}
}

package settings

import (
	"errors"
	"strings"
	"time"
	"unicode"
)

// Types of text that several groups use.

// Line is one line of text, without control characters.
type Line string

// Rule says what a Line takes.
func (Line) Rule() Rule {
	return Rule{Expected: "one line of text", Pattern: onePrintableLine}
}

// onePrintableLine has neither control characters nor what Unicode takes for the
// end of a line.
const onePrintableLine = "^[^\\x00-\\x1f\\x7f-\\x9f\u2028\u2029]*$"

// Text is text of any number of lines; of the control characters it has tabs and
// newlines only, so that none reaches a terminal.
type Text string

// Rule says what a Text takes.
func (Text) Rule() Rule {
	return Rule{Expected: "text", Pattern: `^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$`}
}

// Identifier names what a user makes, a container for instance; it can be the
// name of a file.
type Identifier string

// Rule says what an Identifier takes: containerd's IDs have at most 76 characters.
func (Identifier) Rule() Rule {
	return Rule{
		Expected:  "1 to 76 letters, digits and dashes",
		Pattern:   `^[A-Za-z0-9-]+$`,
		MinLength: 1, MaxLength: 76,
	}
}

// Argument is one argument of a command: anything but control characters other
// than tab and newline.
type Argument string

// Rule says what an Argument takes.
func (Argument) Rule() Rule { return Text("").Rule() }

// Duration is a time span such as 90s, 5m or 1h30m.
type Duration string

// Rule says what a Duration takes.
func (Duration) Rule() Rule {
	return Rule{
		Expected:  `a time span from 1s to 24h, such as 90s, 5m or 1h30m`,
		Pattern:   `^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?$`,
		MinLength: 2, MaxLength: 32,
		Check: func(s string) error {
			d, err := time.ParseDuration(s)
			if err != nil || d < time.Second || d > 24*time.Hour {
				return errors.New("is out of range")
			}
			return nil
		},
	}
}

// Value returns the span, or fallback where none is set.
func (d Duration) Value(fallback time.Duration) time.Duration {
	v, err := time.ParseDuration(string(d))
	if err != nil {
		return fallback
	}
	return v
}

// Image is a reference to a container image: REGISTRY/NAME:TAG, with @sha256:…
// for exactly one image.
type Image string

// Rule says what an Image takes, as in the OCI distribution specification.
func (Image) Rule() Rule {
	const part = `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`
	return Rule{
		Expected: "a container image such as registry.example.com/name:tag, with or without @sha256:…",
		Pattern: `^([A-Za-z0-9][A-Za-z0-9.-]*(:[0-9]{1,5})?/)?` + part + `(/` + part + `)*` +
			`(:[A-Za-z0-9_][A-Za-z0-9._-]{0,127})?(@sha256:[0-9a-f]{64})?$`,
		MinLength: 1, MaxLength: 512,
	}
}

// printable reports whether s has no spaces and no control characters.
func printable(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) })
}

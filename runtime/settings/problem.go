package settings

import (
	"fmt"
	"strings"
)

// A Problem is one mistake in settings.
type Problem struct {
	Key      string `json:"key,omitempty"`      // canonical; of a leaf, a group or "" for the whole
	At       string `json:"at,omitempty"`       // place within a leaf's value: "[0].endpoint[1]"
	Line     int    `json:"line,omitempty"`     // of the document, counted from 1; 0: none
	Expected string `json:"expected,omitempty"` // what would be right
	Found    string `json:"found,omitempty"`    // what was there, shortened; never of a sensitive value
	Message  string `json:"message"`            // the mistake in words
}

// Error says "line 3: settings.ntp.time-servers[0]: MESSAGE (expected …, found …)".
func (p *Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Key != "" {
		fmt.Fprintf(&b, "settings.%s%s: ", strings.TrimPrefix(p.Key, "settings."), p.At)
	}
	b.WriteString(p.Message)
	switch {
	case p.Expected != "" && p.Found != "":
		fmt.Fprintf(&b, " (expected %s, found %s)", p.Expected, p.Found)
	case p.Expected != "":
		fmt.Fprintf(&b, " (expected %s)", p.Expected)
	case p.Found != "":
		fmt.Fprintf(&b, " (found %s)", p.Found)
	}
	return b.String()
}

// An UnknownGroupError says that a document has a group that this schema has
// not. Whether that is a mistake or a warning is the caller's to say.
type UnknownGroupError struct {
	Group   string // the top-level name, "kubernetes"
	Line    int    // counted from 1; 0: none
	Variant string // which variants have it: "kubernetes"; "" if no variant is known to
}

// Error names the group and, where it is known, the variants that have it.
func (e *UnknownGroupError) Error() string {
	var b strings.Builder
	if e.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", e.Line)
	}
	fmt.Fprintf(&b, "settings.%s: ", Key{e.Group})
	if e.Variant != "" {
		fmt.Fprintf(&b, "this group belongs to another variant (%s)", e.Variant)
	} else {
		b.WriteString("no such group of settings")
	}
	return b.String()
}

// Problems returns every Problem in err, in order.
func Problems(err error) []*Problem { return collect[*Problem](err) }

// UnknownGroups returns every UnknownGroupError in err, in order.
func UnknownGroups(err error) []*UnknownGroupError { return collect[*UnknownGroupError](err) }

// collect walks what errors.Join and %w have joined.
func collect[T error](err error) []T {
	if found, ok := err.(T); ok { //nolint:errorlint // each layer is looked at in turn
		return []T{found}
	}
	switch e := err.(type) { //nolint:errorlint // likewise
	case interface{ Unwrap() []error }:
		var all []T
		for _, inner := range e.Unwrap() {
			all = append(all, collect[T](inner)...)
		}
		return all
	case interface{ Unwrap() error }:
		return collect[T](e.Unwrap())
	}
	return nil
}

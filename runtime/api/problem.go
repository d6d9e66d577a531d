package api

import (
	"fmt"
	"strings"
)

// ContentTypeProblem is the media type of a Problem.
const ContentTypeProblem = "application/problem+json"

// Problem is every error's body, see RFC 9457.
type Problem struct {
	Type   string    `json:"type"`   // "about:blank": Title says it (section 4.2.1)
	Title  string    `json:"title"`  // of the HTTP status
	Status int       `json:"status"` // the HTTP status
	Detail string    `json:"detail,omitempty"`
	Key    string    `json:"key,omitempty"`    // the parameter or setting to blame
	Errors []Mistake `json:"errors,omitempty"` // each mistake, where there may be several (section 3)
}

// Mistake is what is wrong with one setting.
type Mistake struct {
	Key      string `json:"key,omitempty"`      // "settings.ntp.time-servers"
	At       string `json:"at,omitempty"`       // place within its value: "[0]"
	Line     int    `json:"line,omitempty"`     // of the document, counted from 1
	Expected string `json:"expected,omitempty"` // what would be right
	Found    string `json:"found,omitempty"`    // what was there; never of a secret
	Message  string `json:"message"`
}

// Error makes a Problem an error. Several mistakes have a line each.
func (p *Problem) Error() string {
	s := p.Title
	if p.Key != "" {
		s += ": " + p.Key
	}
	if p.Detail != "" {
		s += ": " + p.Detail
	}
	if len(p.Errors) > 1 {
		for _, m := range p.Errors {
			s += "\n  " + m.String()
		}
	}
	return s
}

// String says "line 3: settings.motd: MESSAGE (expected …, found …)".
func (m Mistake) String() string {
	var b strings.Builder
	if m.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", m.Line)
	}
	if m.Key != "" {
		fmt.Fprintf(&b, "%s%s: ", m.Key, m.At)
	}
	b.WriteString(m.Message)
	var why []string
	if m.Expected != "" {
		why = append(why, "expected "+m.Expected)
	}
	if m.Found != "" {
		why = append(why, "found "+m.Found)
	}
	if len(why) > 0 {
		fmt.Fprintf(&b, " (%s)", strings.Join(why, ", "))
	}
	return b.String()
}

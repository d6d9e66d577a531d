package userdata

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// A document is user data that was read.
type document struct {
	source    string
	found     bool // there was something, if only a comment
	values    settings.Values
	generated settings.Values
	lines     lines
	warnings  []string
}

// Parse reads one document: TOML with [settings.GROUP] tables, or multipart
// MIME with such parts, either of them plain or packed by gzip. Empty data is
// valid. Warnings name what was passed over: groups that the schema does not
// have, parts of other types. The error joins a *settings.Problem for each
// mistake, in the order of their lines, and then there are no values.
func Parse(data []byte, s *settings.Schema) (settings.Values, []string, error) {
	doc, err := parse(data, s)
	if err != nil {
		return nil, doc.warnings, err
	}
	return doc.values, doc.warnings, nil
}

// Lint is Parse with the rules that take more than one setting: those of the
// document are judged over the schema's defaults.
func Lint(data []byte, s *settings.Schema) (settings.Values, []string, error) {
	doc, err := parse(data, s)
	if err == nil {
		err = doc.locate(check(s, doc))
	}
	if err != nil {
		return nil, doc.warnings, err
	}
	return doc.values, doc.warnings, nil
}

// parse reads a document in any of the formats. It is never nil.
func parse(data []byte, s *settings.Schema) (*document, error) {
	if len(data) > MaxSize {
		return &document{}, &settings.Problem{Message: fmt.Sprintf("the user data are larger than %d bytes", MaxSize)}
	}
	room := MaxSize
	text, err := unpack(data, &room)
	if err != nil {
		return &document{}, err
	}
	if isMIME(text) {
		return parseMIME(text, s, &room)
	}
	return parseTOML(text, s, place{})
}

// locate gives the problems in err that have no line the line of their key, and
// puts them in order.
func (d *document) locate(err error) error {
	problems := settings.Problems(err)
	if len(problems) == 0 {
		return err
	}
	for _, p := range problems {
		if p.Line == 0 {
			p.Line = d.lines.of(p.Key)
		}
	}
	return join(problems)
}

// join puts problems in the order of their lines; those without one come last.
func join(problems []*settings.Problem) error {
	slices.SortStableFunc(problems, func(a, b *settings.Problem) int {
		return int(uint32(a.Line-1)) - int(uint32(b.Line-1))
	})
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// merge takes in what a later part of the same user data says.
func (d *document) merge(later *document) {
	maps.Copy(d.values, later.values)
	maps.Copy(d.lines, later.lines)
	d.warnings = append(d.warnings, later.warnings...)
}

// A place says where in the user data the text of a part lies.
type place struct {
	before  int  // lines of user data before the text
	encoded bool // the text is packed in user data, so that its lines are not theirs
}

// put moves a problem from its line in the text to one in the user data.
func (at place) put(p *settings.Problem) {
	if at.encoded {
		if p.Line > 0 {
			p.Message += fmt.Sprintf(" (in line %d of the part, which is encoded)", p.Line)
		}
		p.Line = at.before + 1
		return
	}
	if p.Line > 0 {
		p.Line += at.before
	}
}

// line moves a line of the text to one of the user data.
func (at place) line(n int) int {
	if at.encoded {
		return at.before + 1
	}
	return at.before + n
}

const useTOML = "write TOML with [settings.…] groups"

// mixups are first words of things that are no user data for this host, and
// what they are.
var mixups = []struct{ prefix, what string }{
	{"#cloud-config", "this is #cloud-config, which this host does not read"},
	{"#!", "this is a script, and this host runs none"},
	{"#cloud-boothook", "this is a script for cloud-init, and this host runs none"},
	{"#upstart-job", "this is a job for upstart, and this host runs none"},
	{"#part-handler", "this is code for cloud-init, and this host runs none"},
	{"#include", "this is a list of addresses for cloud-init, which this host does not follow"},
	{"## template:", "this is a template for cloud-init, which this host does not fill in"},
	{"{", "this is JSON, perhaps for Ignition, which this host does not read"},
	{"<", "this is a script or XML, which this host does not read"},
}

// refuse gives the usual mix-ups an answer that says what to do.
func refuse(text []byte) error {
	first := bytes.TrimLeft(text, " \t\r\n")
	line := 1 + bytes.Count(text[:len(text)-len(first)], []byte("\n"))
	for _, m := range mixups {
		if !bytes.HasPrefix(first, []byte(m.prefix)) {
			continue
		}
		// "#including …" is a comment of TOML like any other.
		if m.prefix == "#include" && strings.TrimSpace(firstLine(first)) != m.prefix &&
			strings.TrimSpace(firstLine(first)) != "#include-once" {
			continue
		}
		return &settings.Problem{Line: line, Message: m.what + ": " + useTOML}
	}
	return nil
}

func firstLine(b []byte) string {
	line, _, _ := bytes.Cut(b, []byte("\n"))
	return string(line)
}

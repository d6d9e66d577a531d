// Package debian reads the text formats of a Debian archive: control
// paragraphs, version numbers, dependency relations and the Release, Packages
// and Sources indexes. It needs nothing outside the standard library.
package debian

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Paragraph is one stanza of a control file (Debian Policy 5.1). Field names
// are kept in lower case; the lines of a folded or multiline value are joined
// by a newline, each without its leading white space.
type Paragraph map[string]string

// Get returns the value of a field, whatever the case of its name; "" when the
// field is absent.
func (p Paragraph) Get(name string) string { return p[strings.ToLower(name)] }

// Reader reads the paragraphs of one control file in order.
type Reader struct {
	in   *bufio.Reader
	line int
}

// NewReader returns a reader of the control file in r.
func NewReader(r io.Reader) *Reader {
	return &Reader{in: bufio.NewReaderSize(r, 1<<16)}
}

// Next returns the next paragraph, or io.EOF after the last one.
func (r *Reader) Next() (Paragraph, error) {
	p := Paragraph{}
	field := ""
	for {
		text, err := r.readLine()
		if errors.Is(err, io.EOF) {
			if len(p) == 0 {
				return nil, io.EOF
			}
			return p, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading line %d: %w", r.line, err)
		}
		switch {
		case strings.TrimSpace(text) == "":
			if len(p) > 0 {
				return p, nil
			}
		case text[0] == '#':
		case text[0] == ' ' || text[0] == '\t':
			if field == "" {
				return nil, fmt.Errorf("line %d: continuation line before any field", r.line)
			}
			p[field] += "\n" + strings.TrimSpace(text)
		default:
			if field, err = p.start(text); err != nil {
				return nil, fmt.Errorf("line %d: %w", r.line, err)
			}
		}
	}
}

// start adds the field that begins in line and returns its name.
func (p Paragraph) start(line string) (string, error) {
	name, value, ok := strings.Cut(line, ":")
	if !ok || name == "" || strings.ContainsAny(name, " \t") {
		return "", fmt.Errorf("%q is not a field", shorten(line))
	}
	name = strings.ToLower(name)
	if _, twice := p[name]; twice {
		return "", fmt.Errorf("field %q occurs twice", name)
	}
	p[name] = strings.TrimSpace(value)
	return name, nil
}

// readLine returns the next line without its end; io.EOF when there is none.
func (r *Reader) readLine() (string, error) {
	text, err := r.in.ReadString('\n')
	if err != nil && (text == "" || !errors.Is(err, io.EOF)) {
		return "", err
	}
	r.line++
	return strings.TrimRight(text, "\r\n"), nil
}

// shorten cuts text to a length fit for an error message.
func shorten(text string) string {
	const limit = 60
	if len(text) <= limit {
		return text
	}
	return text[:limit] + "…"
}

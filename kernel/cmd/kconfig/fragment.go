package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strings"
)

// unset is the value of an option that is switched off, which the file format
// writes as a comment.
const unset = "n"

// An option is one setting and the place that asks for it.
type option struct {
	Name  string // with the CONFIG_ prefix
	Value string // y, m, n, a number, or a string with its quotes
	File  string
	Line  int // counted from 1
}

// String is the option as a configuration file has it.
func (o option) String() string {
	if o.Value == unset {
		return "# " + o.Name + " is not set"
	}
	return o.Name + "=" + o.Value
}

// place is where the option stands, as file:line.
func (o option) place() string { return fmt.Sprintf("%s:%d", o.File, o.Line) }

// A fragment is a set of options, each name once.
type fragment struct {
	options map[string]option
}

func newFragment() *fragment { return &fragment{options: map[string]option{}} }

// names lists the options' names in order.
func (f *fragment) names() []string {
	names := make([]string, 0, len(f.options))
	for name := range f.options {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// format writes the options in order of their names, one a line.
func (f *fragment) format() []byte {
	var b bytes.Buffer
	for _, name := range f.names() {
		fmt.Fprintln(&b, f.options[name])
	}
	return b.Bytes()
}

// The file format, see Documentation/kbuild/kconfig.rst of the kernel. A
// string escapes only the quote and the backslash.
var (
	setLine   = regexp.MustCompile(`^(CONFIG_\w+)=([ymn]|-?[0-9]+|0[xX][0-9a-fA-F]+|"(?:[^"\\]|\\["\\])*")$`)
	unsetLine = regexp.MustCompile(`^# (CONFIG_\w+) is not set$`)
	// A comment that starts like an option is one that was meant to count.
	strayLine = regexp.MustCompile(`^#\s*CONFIG_\w+(=|\s+is\s+not\s+set)`)
)

var (
	errSyntax = errors.New(`want "CONFIG_NAME=value", "# CONFIG_NAME is not set" or a comment`)
	errStray  = errors.New(`option in a comment: want "# CONFIG_NAME is not set", exactly so, to switch it off`)
)

// parseFile reads the file at path; see parse.
func parseFile(path string) (*fragment, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return parse(file, path)
}

// parse reads a fragment or a finished .config. The error joins one line,
// beginning with file:line, for each malformed or repeated option.
func parse(r io.Reader, file string) (*fragment, error) {
	f := newFragment()
	var errs []error
	scanner := bufio.NewScanner(r)
	for n := 1; scanner.Scan(); n++ {
		o, ok, err := parseLine(scanner.Text())
		if err != nil {
			errs = append(errs, fmt.Errorf("%s:%d: %q: %w", file, n, scanner.Text(), err))
		}
		if !ok {
			continue
		}
		o.File, o.Line = file, n
		if first, twice := f.options[o.Name]; twice {
			errs = append(errs, fmt.Errorf("%s: %s is set a second time, first at line %d", o.place(), o.Name, first.Line))
			continue
		}
		f.options[o.Name] = o
	}
	if err := scanner.Err(); err != nil {
		errs = append(errs, fmt.Errorf("reading %s: %w", file, err))
	}
	return f, errors.Join(errs...)
}

// parseLine reads one line; ok is false for an empty line or a comment.
func parseLine(line string) (o option, ok bool, err error) {
	if m := setLine.FindStringSubmatch(line); m != nil {
		return option{Name: m[1], Value: m[2]}, true, nil
	}
	if m := unsetLine.FindStringSubmatch(line); m != nil {
		return option{Name: m[1], Value: unset}, true, nil
	}
	switch {
	case strayLine.MatchString(line):
		return option{}, false, errStray
	case strings.HasPrefix(line, "#"), strings.TrimSpace(line) == "":
		return option{}, false, nil
	default:
		return option{}, false, errSyntax
	}
}

// Package console keeps what a guest says on its serial console and lets
// callers wait for a line of it.
package console

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"sync"
	"time"
)

// maxLine bounds a line, in bytes; a longer one is split.
const maxLine = 8 << 10

// A Line is one line of the console, without colours and cursor movements.
type Line struct {
	Time time.Time // when it was complete
	Text string
}

// A Mark is a place in a Log: wait from here on.
type Mark int

// A Log takes in a console as an io.Writer. Its methods may be called from any
// goroutine.
type Log struct {
	mu      sync.Mutex
	raw     io.Writer // may be nil
	lines   []Line
	partial []byte
	changed chan struct{} // closed and replaced at each new line
}

// New returns an empty log that copies every byte to raw, which may be nil.
func New(raw io.Writer) *Log {
	return &Log{raw: raw, changed: make(chan struct{})}
}

// Write takes in what the guest wrote. It never fails: evidence that cannot be
// copied is still kept in memory.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.raw != nil {
		if _, err := l.raw.Write(p); err != nil {
			l.lines = append(l.lines, Line{time.Now(), fmt.Sprintf("(console is no longer copied: %v)", err)})
			l.raw = nil
		}
	}
	before := len(l.lines)
	l.partial = append(l.partial, p...)
	for {
		i := bytes.IndexByte(l.partial, '\n')
		if i < 0 && len(l.partial) <= maxLine {
			break
		}
		if i < 0 || i > maxLine {
			i = maxLine - 1
		}
		l.lines = append(l.lines, Line{time.Now(), clean(l.partial[:i+1])})
		l.partial = append([]byte(nil), l.partial[i+1:]...)
	}
	if len(l.lines) > before {
		close(l.changed)
		l.changed = make(chan struct{})
	}
	return len(p), nil
}

// Mark returns the place after the last complete line.
func (l *Log) Mark() Mark {
	l.mu.Lock()
	defer l.mu.Unlock()
	return Mark(len(l.lines))
}

// Lines returns the complete lines from a place on.
func (l *Log) Lines(from Mark) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]Line(nil), l.lines[from:]...)
}

// Await returns the first line from a place on that matches, and the place
// after it. If ctx ends first, the error says why it did and ends with the
// console's last lines.
func (l *Log) Await(ctx context.Context, from Mark, want *regexp.Regexp) (Line, Mark, error) {
	for at := from; ; {
		l.mu.Lock()
		lines, changed := l.lines, l.changed
		l.mu.Unlock()
		for ; int(at) < len(lines); at++ {
			if want.MatchString(lines[at].Text) {
				return lines[at], at + 1, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Line{}, at, fmt.Errorf("waiting for %q on the console: %w\n%s", want, context.Cause(ctx), l.Tail(12))
		}
	}
}

// Tail returns the last n lines and what is begun of the next, each indented,
// under a heading.
func (l *Log) Tail(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.lines[max(0, len(l.lines)-n):]
	var b strings.Builder
	fmt.Fprintf(&b, "last %d of %d console lines:\n", len(last), len(l.lines))
	for _, line := range last {
		fmt.Fprintf(&b, "  %s\n", line.Text)
	}
	if rest := clean(l.partial); rest != "" {
		fmt.Fprintf(&b, "  %s (no end of line)\n", rest)
	}
	return b.String()
}

// escapes are the control sequences of ECMA-48 (section 5.4), operating system
// commands, and the short ones.
var escapes = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)|\x1b[ -/]*[0-~]`)

// clean drops control sequences and control characters.
func clean(p []byte) string {
	p = escapes.ReplaceAll(p, nil)
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\t' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(p), "?"))
}

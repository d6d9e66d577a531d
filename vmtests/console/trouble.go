package console

import (
	"context"
	"regexp"
	"slices"
)

// Trouble is a kind of line that no healthy boot shows.
type Trouble struct {
	Name    string
	pattern *regexp.Regexp
}

// Kinds of trouble.
var (
	Panic      = trouble("kernel panic", `Kernel panic - not syncing`)
	Oops       = trouble("kernel oops", `\bOops: |\bBUG: |general protection fault|Call Trace:`)
	Corruption = trouble("verity error", `device-mapper: verity: .* is corrupted`)
	Denial     = trouble("access denied by SELinux", `avc: +denied`)
	Memory     = trouble("out of memory", `Out of memory: Killed process|invoked oom-killer`)
	Filesystem = trouble("file system error", `EXT4-fs error|XFS .*[Cc]orruption|erofs: .*error|I/O error, dev `)
	Unit       = trouble("failed unit", `Failed to start |Dependency failed for |\[FAILED\]`)
	Boot       = trouble("boot is not good", `^slipway: boot is not good`)
)

// Troubles are all kinds.
var Troubles = []Trouble{Panic, Oops, Corruption, Denial, Memory, Filesystem, Unit, Boot}

func trouble(name, pattern string) Trouble {
	return Trouble{Name: name, pattern: regexp.MustCompile(pattern)}
}

// A Finding is a line that is trouble.
type Finding struct {
	Trouble Trouble
	Line    Line
}

// String reads "kernel panic: LINE".
func (f Finding) String() string { return f.Trouble.Name + ": " + f.Line.Text }

// Except returns all kinds but the named ones, which a test brings about.
func Except(expected ...Trouble) []Trouble {
	return slices.DeleteFunc(slices.Clone(Troubles), func(t Trouble) bool {
		return slices.ContainsFunc(expected, func(e Trouble) bool { return e.Name == t.Name })
	})
}

// Find returns every line from a place on that is one of the given troubles.
func (l *Log) Find(from Mark, troubles []Trouble) []Finding {
	var found []Finding
	for _, line := range l.Lines(from) {
		if t, ok := judge(line, troubles); ok {
			found = append(found, Finding{t, line})
		}
	}
	return found
}

func judge(line Line, troubles []Trouble) (Trouble, bool) {
	for _, t := range troubles {
		if t.pattern.MatchString(line.Text) {
			return t, true
		}
	}
	return Trouble{}, false
}

// Pattern returns what the lines of this kind match.
func (t Trouble) Pattern() *regexp.Regexp { return t.pattern }

// AwaitTrouble returns the first line from a place on that is one of the given
// troubles. It returns an error only when ctx ends.
func (l *Log) AwaitTrouble(ctx context.Context, from Mark, troubles []Trouble) (Finding, error) {
	for at := from; ; {
		l.mu.Lock()
		lines, changed := l.lines, l.changed
		l.mu.Unlock()
		for ; int(at) < len(lines); at++ {
			if t, ok := judge(lines[at], troubles); ok {
				return Finding{t, lines[at]}, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Finding{}, context.Cause(ctx)
		}
	}
}

// Package multicall picks one of several commands that share a binary, as
// busybox does, so that all of them cost one Go runtime on disk.
package multicall

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"path"
	"text/tabwriter"
)

// Exit codes of the binary.
const (
	ExitOK    = 0
	ExitError = 1
	ExitUsage = 2
)

// A Command is one entry of the binary.
type Command struct {
	Name    string // as called: link name or first argument
	Summary string // one line for --help
	// Run gets the arguments after the command's name. An error is printed
	// as "slipway NAME: error" and makes the exit code 1.
	Run func(args []string, stdout, stderr io.Writer) error
}

// ErrUsage is wrapped by errors that mean wrong arguments: the exit code is 2.
var ErrUsage = errors.New("wrong usage")

// ErrSilent is wrapped by errors that have been shown already: the exit code
// is 1 and nothing more is printed.
var ErrSilent = errors.New("failed")

// An ExitCode is an error that has been shown already, or is none to show: it
// is the exit code, such as that of a command that was run for the caller.
type ExitCode int

func (c ExitCode) Error() string { return fmt.Sprintf("exit code %d", int(c)) }

// A Table is the ordered list of commands of one binary.
type Table []Command

// Run dispatches on the base name of args[0] and, where that is no command, on
// args[1]. It returns the process's exit code.
func (t Table) Run(args []string, stdout, stderr io.Writer) int {
	if len(args) == 0 {
		fmt.Fprintln(stderr, "slipway: called without a name")
		return ExitUsage
	}
	if c, ok := t.find(path.Base(args[0])); ok {
		return c.run(args[1:], stdout, stderr)
	}
	if len(args) < 2 {
		t.help(stderr)
		return ExitUsage
	}
	if c, ok := t.find(args[1]); ok {
		return c.run(args[2:], stdout, stderr)
	}
	switch args[1] {
	case "-h", "-help", "--help", "help":
		t.help(stdout)
		return ExitOK
	}
	fmt.Fprintf(stderr, "slipway: no command %q; see slipway --help\n", args[1])
	return ExitUsage
}

func (t Table) find(name string) (Command, bool) {
	for _, c := range t {
		if c.Name == name {
			return c, true
		}
	}
	return Command{}, false
}

func (t Table) help(w io.Writer) {
	fmt.Fprintln(w, "Usage: slipway COMMAND [ARGUMENTS]")
	fmt.Fprintln(w, "\nCommands (each also works as a link of that name to this binary):")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range t {
		fmt.Fprintf(tw, "  %s\t%s\n", c.Name, c.Summary)
	}
	tw.Flush()
}

func (c Command) run(args []string, stdout, stderr io.Writer) int {
	err := c.Run(args, stdout, stderr)
	var code ExitCode
	switch {
	case errors.As(err, &code):
		return int(code)
	case err == nil, errors.Is(err, flag.ErrHelp):
		return ExitOK
	case errors.Is(err, ErrSilent):
		return ExitError
	}
	fmt.Fprintf(stderr, "slipway %s: %v\n", c.Name, err)
	if errors.Is(err, ErrUsage) {
		return ExitUsage
	}
	return ExitError
}

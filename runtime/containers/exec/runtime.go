// Package exec runs commands in running containers for clients of the host
// API: a websocket carries the terminal. The protocol is Bottlerocket's, and
// docs/reference/exec.md has all of it.
package exec

import (
	"context"
	"errors"
	"io"
	"syscall"
)

// ErrNotRunning is wrapped by Runtime.Exec if there is no such container or it
// is not running. Callers may wait and try again.
var ErrNotRunning = errors.New("container is not running")

// A Runtime starts processes in running containers. Package ctrd has that of
// containerd, package containerstest one that runs processes of the host.
type Runtime interface {
	// Exec starts a process in a container. Canceling ctx afterwards does
	// nothing to the process.
	Exec(ctx context.Context, container string, spec Spec) (Process, error)
}

// A Spec is a process to start.
type Spec struct {
	Command []string // at least one
	TTY     bool     // give it a terminal; then all output goes to Stdout
	Size    Size     // of the terminal; zero where nobody knows
	Term    string   // TERM of the terminal
	Stdout  io.Writer
	Stderr  io.Writer
}

// A Process runs.
type Process interface {
	// Stdin is the process's input. Write may block until the process reads or
	// ends; after the end it fails.
	Stdin() io.WriteCloser
	// Resize changes the terminal's size.
	Resize(ctx context.Context, size Size) error
	// Signal sends a signal. It is no error if the process has ended.
	Signal(ctx context.Context, sig syscall.Signal) error
	// Wait returns the exit code, 128+N after signal N, once the process has
	// ended and its output is written. It must be called, once: it frees what
	// the process held.
	Wait() (code int, err error)
}

// Size is that of a terminal, in characters.
type Size struct {
	Rows uint16 `json:"rows"`
	Cols uint16 `json:"cols"`
}

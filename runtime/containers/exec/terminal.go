package exec

import (
	"fmt"
	"os"
	"os/signal"

	"golang.org/x/sys/unix"
	"golang.org/x/term"
)

// A Terminal is the one that the client runs in, in raw mode: every key goes
// to the command.
type Terminal struct {
	fd      int
	old     *term.State
	resized chan os.Signal
}

// OpenTerminal puts the terminal f into raw mode; Close ends that.
func OpenTerminal(f *os.File) (*Terminal, error) {
	old, err := term.MakeRaw(int(f.Fd()))
	if err != nil {
		return nil, fmt.Errorf("setting up the terminal: %w", err)
	}
	t := &Terminal{fd: int(f.Fd()), old: old, resized: make(chan os.Signal, 1)}
	signal.Notify(t.resized, unix.SIGWINCH)
	return t, nil
}

// Size is the terminal's size, if it has one.
func (t *Terminal) Size() (Size, bool) {
	w, err := unix.IoctlGetWinsize(t.fd, unix.TIOCGWINSZ)
	if err != nil || w.Row == 0 || w.Col == 0 {
		return Size{}, false
	}
	return Size{Rows: w.Row, Cols: w.Col}, true
}

// Resized gets a value whenever the size has changed.
func (t *Terminal) Resized() <-chan os.Signal { return t.resized }

// Close gives the terminal its old settings back.
func (t *Terminal) Close() error {
	signal.Stop(t.resized)
	return term.Restore(t.fd, t.old)
}

// IsTerminal tells whether f is a terminal.
func IsTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// Package tool is the one program in the containers of the suite: the image
// under test has no shell and no container image to borrow one from, so the
// suite puts its own binary into an image and runs it under this name.
//
//	tool.go    the modes, by the first argument
//	process.go modes that are about signals, terminals and streams
//	tunnel.go  a container's end of the way into the host
//	gate.go    the suite's end of it
package tool

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Path is where images have the program; Shell is a link to it. A process of
// one of these names is the tool.
const (
	Path  = "/tool"
	Shell = "/bin/sh"
)

// Is tells whether a process with these arguments is the tool.
func Is(args []string) bool {
	return len(args) > 0 && (filepath.Base(args[0]) == filepath.Base(Path) || isShell(args))
}

func isShell(args []string) bool {
	return len(args) > 0 && filepath.Base(args[0]) == filepath.Base(Shell)
}

// Streams are those of the process. In may be a terminal.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// An exitCode is an error that is nothing but the process's exit code.
type exitCode int

func (e exitCode) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// modes, by name.
var modes = map[string]func(s Streams, args []string) error{
	"append": appendTo, // FILE TEXT: writes to the end of a file, which is made if need be
	"await":  await,    // says "ready", ends with the first signal, which it names
	"kill":   kill,     // TEXT: ends all processes with TEXT in their command lines, and says how many
	"exit":   exit,     // CODE [OUT [ERR]]: writes and ends
	"read":   read,     // PATH…: prints Files as JSON
	"shell":  shell,    // -c SCRIPT: takes ":", and says what else it was told
	"size":   size,     // prints ROWS COLS of the terminal, now and whenever it changes, until its input ends
	"spew":   spew,     // BYTES: writes as many, see Spew
	"stay":   stay,     // [TEXT…]: writes and stays until SIGTERM
	"sum":    sum,      // prints Sum of its input
	"tunnel": tunnel,   // ADDRESS: serves the gate at the address until SIGTERM
}

// Main runs a mode and returns the exit code: 1 after an error, 2 where there
// is no such mode. args is os.Args.
func Main(args []string, s Streams) int {
	if isShell(args) {
		args = append([]string{Path, "shell"}, args[1:]...)
	}
	if len(args) < 2 || modes[args[1]] == nil {
		fmt.Fprintf(s.Err, "tool: no such mode in %q\n", args)
		return 2
	}
	err := modes[args[1]](s, args[2:])
	var code exitCode
	switch {
	case errors.As(err, &code):
		return int(code)
	case err != nil:
		fmt.Fprintf(s.Err, "tool: %s: %v\n", args[1], err)
		return 1
	}
	return 0
}

// A File is what was found at a path.
type File struct {
	Text  string `json:"text,omitempty"`  // of a folder, the names in it, a line each
	Error string `json:"error,omitempty"` // instead
}

// Device is the text of a device: a disk does not fit into memory.
const Device = "device"

// Files are what mode read prints, by path.
type Files map[string]File

func read(s Streams, paths []string) error {
	files := Files{}
	for _, path := range paths {
		text, err := readPath(path)
		files[path] = File{Text: text}
		if err != nil {
			files[path] = File{Error: err.Error()}
		}
	}
	return json.NewEncoder(s.Out).Encode(files)
}

func readPath(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	switch {
	case info.Mode()&os.ModeDevice != 0:
		return Device, nil
	case !info.IsDir():
		b, err := os.ReadFile(path)
		return string(b), err
	}
	entries, err := os.ReadDir(path)
	var names strings.Builder
	for _, e := range entries {
		fmt.Fprintln(&names, e.Name())
	}
	return names.String(), err
}

func appendTo(_ Streams, args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want FILE TEXT, got %q", args)
	}
	f, err := os.OpenFile(args[0], os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, args[1])
	return errors.Join(err, f.Close())
}

func exit(s Streams, args []string) error {
	if len(args) == 0 || len(args) > 3 {
		return fmt.Errorf("want CODE [OUT [ERR]], got %q", args)
	}
	code, err := strconv.ParseUint(args[0], 10, 8)
	if err != nil {
		return err
	}
	for i, w := range []io.Writer{s.Out, s.Err} {
		if len(args) <= i+1 {
			break
		}
		if _, err := io.WriteString(w, args[i+1]); err != nil {
			return err
		}
	}
	return exitCode(code)
}

func shell(s Streams, args []string) error {
	if len(args) != 2 || args[0] != "-c" {
		return fmt.Errorf("want -c SCRIPT, got %q", args)
	}
	if args[1] == ":" {
		return nil
	}
	_, err := fmt.Fprintf(s.Out, "shell: %s\n", args[1])
	return err
}

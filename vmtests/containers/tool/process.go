package tool

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// AwaitCode is the exit code of mode await after a signal.
const AwaitCode = 3

func await(s Streams, _ []string) error {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, unix.SIGHUP, unix.SIGINT, unix.SIGQUIT, unix.SIGTERM, unix.SIGUSR1, unix.SIGUSR2)
	defer signal.Stop(signals)
	if _, err := fmt.Fprintln(s.Out, "ready"); err != nil {
		return err
	}
	number, _ := (<-signals).(syscall.Signal)
	if _, err := fmt.Fprintln(s.Out, unix.SignalName(number)); err != nil {
		return err
	}
	return exitCode(AwaitCode)
}

func stay(s Streams, text []string) error {
	end := terminated()
	if len(text) > 0 {
		if _, err := fmt.Fprintln(s.Out, strings.Join(text, " ")); err != nil {
			return err
		}
	}
	<-end
	return nil
}

// terminated gets a value when the process is asked to end.
func terminated() <-chan os.Signal {
	end := make(chan os.Signal, 1)
	signal.Notify(end, unix.SIGTERM)
	return end
}

func size(s Streams, _ []string) error {
	terminal, ok := s.In.(*os.File)
	if !ok {
		return errors.New("the input is no file")
	}
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, unix.SIGWINCH)
	defer signal.Stop(changed)
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, terminal)
		ended <- err
	}()
	for {
		w, err := unix.IoctlGetWinsize(int(terminal.Fd()), unix.TIOCGWINSZ)
		if err != nil {
			return fmt.Errorf("asking for the terminal's size: %w", err)
		}
		if _, err := fmt.Fprintln(s.Out, w.Row, w.Col); err != nil {
			return err
		}
		select {
		case <-changed:
		case err := <-ended:
			return err
		}
	}
}

func kill(s Streams, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want TEXT, got %q", args)
	}
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		return err
	}
	killed := 0
	for _, file := range files {
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			return err
		}
		line, err := os.ReadFile(file)
		if err != nil || pid == os.Getpid() || !strings.Contains(string(line), args[0]) {
			continue // it may have ended since
		}
		if err := unix.Kill(pid, unix.SIGKILL); err != nil {
			return fmt.Errorf("killing process %d: %w", pid, err)
		}
		killed++
	}
	_, err = fmt.Fprintln(s.Out, killed)
	return err
}

// Spew writes n bytes, always the same ones.
func Spew(w io.Writer, n int64) error {
	_, err := io.CopyN(w, rand.NewChaCha8([32]byte{}), n)
	return err
}

func spew(s Streams, args []string) error {
	if len(args) != 1 {
		return fmt.Errorf("want BYTES, got %q", args)
	}
	n, err := strconv.ParseInt(args[0], 10, 64)
	if err != nil {
		return err
	}
	return Spew(s.Out, n)
}

// Sum says what a stream held: "1048576 3af1…", its length and SHA-256.
func Sum(r io.Reader) (string, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, r)
	return fmt.Sprintf("%d %x", n, hash.Sum(nil)), err
}

func sum(s Streams, _ []string) error {
	text, err := Sum(s.In)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.Out, text)
	return err
}

package exec_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/containers/exec"
)

func TestOutputAndExitCode(t *testing.T) {
	c, _ := setup(t, nil)
	var out, errOut bytes.Buffer
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "say", "to out", "to err", "7"), Stdout: &out, Stderr: &errOut,
	})
	if err != nil || code != 7 {
		t.Fatalf("Run() = %d, %v, want 7", code, err)
	}
	if out.String() != "to out" || errOut.String() != "to err" {
		t.Errorf("stdout %q, stderr %q", &out, &errOut)
	}
}

func TestInputUntilItsEnd(t *testing.T) {
	c, _ := setup(t, nil)
	// More than all buffers hold, in both directions at once.
	var in bytes.Buffer
	for n := range 12 {
		in.Write(mebibyte(n))
	}
	want := sha256.Sum256(in.Bytes())
	hash := sha256.New()
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "cat"), Stdin: &in, Stdout: hash, Stderr: io.Discard,
	})
	if err != nil || code != 0 {
		t.Fatalf("Run() = %d, %v", code, err)
	}
	if !bytes.Equal(hash.Sum(nil), want[:]) {
		t.Error("what came back is not what was sent")
	}
}

func TestNoInput(t *testing.T) {
	c, _ := setup(t, nil)
	var out bytes.Buffer
	code, err := c.Run(t.Context(), exec.Request{Container: "admin", Command: command(t, "cat"), Stdout: &out, Stderr: &out})
	if err != nil || code != 0 || out.Len() > 0 {
		t.Errorf("Run() = %d, %v, %q", code, err, &out)
	}
}

func TestInputThatNobodyReads(t *testing.T) {
	c, _ := setup(t, nil)
	in := bytes.NewReader(bytes.Repeat([]byte("x"), 8<<20))
	var out bytes.Buffer
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "say", "done", "", "3"), Stdin: in, Stdout: &out, Stderr: &out,
	})
	if err != nil || code != 3 || out.String() != "done" {
		t.Errorf("Run() = %d, %v, %q", code, err, &out)
	}
}

func TestHugeOutput(t *testing.T) {
	c, _ := setup(t, nil)
	const size = 64 // MiB
	got, want := sha256.New(), sha256.New()
	for n := range size {
		want.Write(mebibyte(n))
	}
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "flood", "64"), Stdout: got, Stderr: io.Discard,
	})
	if err != nil || code != 0 {
		t.Fatalf("Run() = %d, %v", code, err)
	}
	if !bytes.Equal(got.Sum(nil), want.Sum(nil)) {
		t.Error("the output is not what the command wrote")
	}
}

func TestTerminalSize(t *testing.T) {
	c, _ := setup(t, nil)
	size := exec.Size{Rows: 30, Cols: 100}
	resized := make(chan os.Signal)
	out := newBuffer()
	go func() {
		if out.await(t.Context(), "30x100") == nil {
			size = exec.Size{Rows: 50, Cols: 132}
			resized <- unix.SIGWINCH
		}
	}()
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "size"), TTY: true, Stdout: out, Stderr: io.Discard,
		Size: func() (exec.Size, bool) { return size, true }, Resized: resized, Stdin: blocked(t),
	})
	if err != nil || code != 0 {
		t.Fatalf("Run() = %d, %v", code, err)
	}
	if diff := cmp.Diff("30x100\r\n50x132\r\n", out.String()); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
}

// blocked is the input of someone who types nothing.
func blocked(t *testing.T) io.Reader {
	r, w := io.Pipe()
	t.Cleanup(func() { w.Close() })
	return r
}

func TestTerminalType(t *testing.T) {
	for given, want := range map[string]string{"xterm-256color": "xterm-256color", "": "screen", "a b": "screen"} {
		c, _ := setup(t, nil)
		var out bytes.Buffer
		code, err := c.Run(t.Context(), exec.Request{
			Container: "admin", Command: command(t, "term"), TTY: true, Term: given, Stdout: &out, Stderr: io.Discard,
		})
		if err != nil || code != 0 || out.String() != want {
			t.Errorf("Term %q: Run() = %d, %v, TERM %q, want %q", given, code, err, &out, want)
		}
	}
}

func TestEndOfTerminalInput(t *testing.T) {
	c, _ := setup(t, nil)
	var out bytes.Buffer
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "cat"), TTY: true, Stdin: strings.NewReader("typed\n"),
		Stdout: &out, Stderr: io.Discard,
	})
	if err != nil || code != 0 {
		t.Fatalf("Run() = %d, %v", code, err)
	}
	if n := strings.Count(out.String(), "typed\r\n"); n != 2 { // the echo and cat's own
		t.Errorf("output %q", &out)
	}
}

func TestSignals(t *testing.T) {
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGUSR1} {
		c, _ := setup(t, nil)
		signals := make(chan os.Signal)
		out := newBuffer()
		go func() {
			if out.await(t.Context(), "ready") == nil {
				signals <- sig
			}
		}()
		code, err := c.Run(t.Context(), exec.Request{
			Container: "admin", Command: command(t, "signals"), Stdout: out, Stderr: io.Discard, Signals: signals,
		})
		if err != nil || code != int(sig) {
			t.Errorf("%v: Run() = %d, %v", sig, code, err)
		}
	}
}

func TestKilledBySignal(t *testing.T) {
	c, _ := setup(t, nil)
	signals := make(chan os.Signal)
	out := newBuffer()
	go func() {
		if out.await(t.Context(), "ready") == nil {
			signals <- unix.SIGKILL
		}
	}()
	code, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "deaf"), Stdout: out, Stderr: io.Discard, Signals: signals,
	})
	if err != nil || code != 128+9 {
		t.Errorf("Run() = %d, %v, want 137", code, err)
	}
}

func TestClientGone(t *testing.T) {
	for name, words := range map[string][]string{
		"idle": {"signals"}, "flooding": {"flood", "0"}, "ignoring signals": {"deaf"},
	} {
		for _, tty := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				c, rt := setup(t, func(s *exec.Server) { s.Grace = 1 })
				ctx, leave := context.WithCancel(t.Context())
				out := newBuffer()
				ended := make(chan error, 1)
				go func() {
					_, err := c.Run(ctx, exec.Request{
						Container: "admin", Command: command(t, words...), TTY: tty, Stdout: out, Stderr: out,
					})
					ended <- err
				}()
				select {
				case <-out.changed:
				case err := <-ended:
					t.Fatalf("ended early: %v", err)
				}
				if n := rt.Running(); n != 1 {
					t.Fatalf("%d commands run, want 1", n)
				}
				leave()
				if err := <-ended; !errors.Is(err, context.Canceled) {
					t.Errorf("Run() after leaving: %v", err)
				}
				if err := rt.AwaitRunning(t.Context(), 0); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

func TestOutputThatCannotBeWritten(t *testing.T) {
	c, rt := setup(t, nil)
	_, err := c.Run(t.Context(), exec.Request{
		Container: "admin", Command: command(t, "flood", "0"), Stdout: broken{}, Stderr: io.Discard,
	})
	if !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Run() = %v, want %v", err, io.ErrClosedPipe)
	}
	if err := rt.AwaitRunning(t.Context(), 0); err != nil {
		t.Error(err)
	}
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestRefusals(t *testing.T) {
	tests := []struct {
		name    string
		change  func(*exec.Server)
		request exec.Request
		want    string
		is      error
	}{
		{name: "no such container", request: exec.Request{Container: "nobody", Command: []string{"x"}}, is: exec.ErrNotRunning},
		{name: "no such command", request: exec.Request{Container: "admin", Command: []string{"/no/such"}}, want: `starting "/no/such"`},
		{name: "no command", request: exec.Request{Container: "admin"}, want: "the command is empty"},
		{name: "NUL", request: exec.Request{Container: "admin", Command: []string{"a\x00b"}}, want: "NUL"},
		{name: "no container", request: exec.Request{Command: []string{"x"}}, want: "no container is named"},
		{
			name: "busy", change: func(s *exec.Server) { s.Sessions = -1 },
			request: exec.Request{Container: "admin", Command: []string{"x"}}, want: exec.ErrBusy.Error(),
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, _ := setup(t, tt.change)
			tt.request.Stdout, tt.request.Stderr = io.Discard, io.Discard
			_, err := c.Run(t.Context(), tt.request)
			if err == nil {
				t.Fatal("Run() did not fail")
			}
			if tt.is != nil && !errors.Is(err, tt.is) {
				t.Errorf("Run() = %v, want %v", err, tt.is)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Run() = %q, want %q in it", err, tt.want)
			}
		})
	}
}

package containerstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// A Runtime is an exec.Runtime whose commands are processes of this machine.
type Runtime struct {
	Containers []string // that run
	Env        []string // of the commands, besides TERM

	mu      sync.Mutex
	running int
	changed chan struct{}
}

// Running counts the commands that have not ended.
func (r *Runtime) Running() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.running
}

// AwaitRunning waits until n commands run.
func (r *Runtime) AwaitRunning(ctx context.Context, n int) error {
	for {
		r.mu.Lock()
		if r.changed == nil {
			r.changed = make(chan struct{})
		}
		now, changed := r.running, r.changed
		r.mu.Unlock()
		if now == n {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("%d commands run, not %d: %w", now, n, ctx.Err())
		}
	}
}

func (r *Runtime) add(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.running += n
	if r.changed != nil {
		close(r.changed)
		r.changed = nil
	}
}

// Exec implements exec.Runtime.
func (r *Runtime) Exec(_ context.Context, container string, spec exec.Spec) (exec.Process, error) {
	if !slices.Contains(r.Containers, container) {
		return nil, fmt.Errorf("%w: %s", exec.ErrNotRunning, container)
	}
	cmd := osexec.Command(spec.Command[0], spec.Command[1:]...)
	cmd.Env = append([]string{"TERM=" + spec.Term}, r.Env...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	p := &process{r: r, cmd: cmd}
	start := p.startPipes
	if spec.TTY {
		start = p.startTTY
	}
	if err := start(spec); err != nil {
		return nil, fmt.Errorf("starting %q: %w", spec.Command[0], err)
	}
	r.add(1)
	return p, nil
}

type process struct {
	r      *Runtime
	cmd    *osexec.Cmd
	stdin  io.WriteCloser
	master *os.File // of a terminal
	copies sync.WaitGroup
}

// startPipes starts a command without a terminal. The output is copied here
// and not by os/exec, whose Wait would wait for the input as well.
func (p *process) startPipes(spec exec.Spec) (err error) {
	if p.stdin, err = p.cmd.StdinPipe(); err != nil {
		return err
	}
	var theirs []*os.File
	for _, out := range []struct {
		to *io.Writer
		w  io.Writer
	}{{&p.cmd.Stdout, spec.Stdout}, {&p.cmd.Stderr, spec.Stderr}} {
		r, w, err := os.Pipe()
		if err != nil {
			return err
		}
		*out.to = w
		theirs = append(theirs, w)
		p.copy(out.w, r)
	}
	err = p.cmd.Start()
	for _, f := range theirs {
		f.Close()
	}
	return err
}

func (p *process) copy(w io.Writer, r *os.File) {
	p.copies.Go(func() {
		defer r.Close()
		_, _ = io.Copy(w, r) // a terminal ends with EIO
	})
}

// startTTY starts a command on a new terminal, see pty(7).
func (p *process) startTTY(spec exec.Spec) error {
	master, slave, err := openTerminal()
	if err != nil {
		return err
	}
	defer slave.Close()
	p.master, p.stdin = master, keepOpen{master}
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = slave, slave, slave
	p.cmd.SysProcAttr.Setctty = true
	if spec.Size != (exec.Size{}) {
		if err := p.Resize(context.Background(), spec.Size); err != nil {
			return err
		}
	}
	if err := p.cmd.Start(); err != nil {
		return err
	}
	p.copy(spec.Stdout, master)
	return nil
}

// keepOpen is the input of a terminal, which goes on after its end.
type keepOpen struct{ io.Writer }

func (keepOpen) Close() error { return nil }

func openTerminal() (master, slave *os.File, err error) {
	master, err = os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			master.Close()
		}
	}()
	var n uint32
	raw, err := master.SyscallConn()
	if err != nil {
		return nil, nil, err
	}
	cerr := raw.Control(func(fd uintptr) {
		if n, err = unix.IoctlGetUint32(int(fd), unix.TIOCGPTN); err == nil {
			err = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0)
		}
	})
	if err = errors.Join(cerr, err); err != nil {
		return nil, nil, err
	}
	slave, err = os.OpenFile("/dev/pts/"+strconv.Itoa(int(n)), os.O_RDWR|unix.O_NOCTTY, 0)
	return master, slave, err
}

func (p *process) Stdin() io.WriteCloser { return p.stdin }

func (p *process) Resize(_ context.Context, size exec.Size) error {
	if p.master == nil {
		return nil
	}
	raw, err := p.master.SyscallConn()
	if err != nil {
		return err
	}
	cerr := raw.Control(func(fd uintptr) {
		err = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, &unix.Winsize{Row: size.Rows, Col: size.Cols})
	})
	return errors.Join(cerr, err)
}

// Signal reaches the command and what it started.
func (p *process) Signal(_ context.Context, sig syscall.Signal) error {
	err := unix.Kill(-p.cmd.Process.Pid, sig)
	if errors.Is(err, unix.ESRCH) {
		return nil
	}
	return err
}

func (p *process) Wait() (int, error) {
	defer p.r.add(-1)
	err := p.cmd.Wait() // closes the input, too
	p.copies.Wait()
	var exit *osexec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return 0, err
	}
	if ws, ok := p.cmd.ProcessState.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return 128 + int(ws.Signal()), nil
	}
	return p.cmd.ProcessState.ExitCode(), nil
}

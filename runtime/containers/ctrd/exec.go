package ctrd

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/errdefs"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// Exec implements exec.Runtime.
func (e *Engine) Exec(ctx context.Context, container string, spec exec.Spec) (exec.Process, error) {
	ctx = e.in(ctx)
	c, err := e.client.LoadContainer(ctx, container)
	if err != nil {
		return nil, notRunning(container, err)
	}
	t, err := c.Task(ctx, nil)
	if err != nil {
		return nil, notRunning(container, err)
	}
	if status, err := t.Status(ctx); err != nil || status.Status != containerd.Running {
		return nil, notRunning(container, err)
	}
	image, err := c.Spec(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading how container %s is set up: %w", container, err)
	}
	out := &busy{w: spec.Stdout}
	errOut := &busy{w: spec.Stderr}
	in, feed := io.Pipe()
	opts := []cio.Opt{cio.WithFIFODir(fifoDir), cio.WithStreams(in, out, errOut)}
	if spec.TTY {
		opts = []cio.Opt{cio.WithFIFODir(fifoDir), cio.WithStreams(in, out, nil), cio.WithTerminal}
	}
	p, err := t.Exec(ctx, "exec-"+strings.ToLower(rand.Text()), processOf(image.Process, spec), cio.NewCreator(opts...))
	if err != nil {
		return nil, fmt.Errorf("preparing the command: %w", err)
	}
	proc := &process{p: p, in: e.in, stdin: feed, source: in, outputs: []*busy{out, errOut}}
	if err := proc.start(ctx, spec); err != nil {
		in.Close()
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		_, _ = p.Delete(end) // the error of the start says more
		return nil, fmt.Errorf("starting %q: %w", spec.Command[0], err)
	}
	return proc, nil
}

func notRunning(container string, err error) error {
	if err != nil && !errdefs.IsNotFound(err) {
		return fmt.Errorf("looking for container %s: %w", container, err)
	}
	return fmt.Errorf("%w: %s", exec.ErrNotRunning, container)
}

// processOf makes the command's process of the container's first.
func processOf(first *specs.Process, spec exec.Spec) *specs.Process {
	p := *first
	p.Args, p.Terminal = spec.Command, spec.TTY
	p.Env = append([]string(nil), first.Env...)
	if spec.TTY {
		p.Env = append(p.Env, "TERM="+spec.Term)
		if spec.Size != (exec.Size{}) {
			p.ConsoleSize = &specs.Box{Height: uint(spec.Size.Rows), Width: uint(spec.Size.Cols)}
		}
	}
	return &p
}

// process is a command in a container.
type process struct {
	p       containerd.Process
	in      func(context.Context) context.Context
	exit    <-chan containerd.ExitStatus
	stdin   *io.PipeWriter
	source  *io.PipeReader
	outputs []*busy
}

func (p *process) start(ctx context.Context, spec exec.Spec) (err error) {
	if p.exit, err = p.p.Wait(context.WithoutCancel(ctx)); err != nil {
		return err
	}
	if err := p.p.Start(ctx); err != nil {
		return err
	}
	if spec.TTY && spec.Size != (exec.Size{}) {
		return p.Resize(ctx, spec.Size)
	}
	return nil
}

func (p *process) Stdin() io.WriteCloser { return (*stdin)(p) }

// stdin tells containerd, which holds the other end, that the input has ended.
type stdin process

func (s *stdin) Write(b []byte) (int, error) { return s.stdin.Write(b) }

func (s *stdin) Close() error {
	if err := s.stdin.Close(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(s.in(context.Background()), connectTimeout)
	defer cancel()
	err := s.p.CloseIO(ctx, containerd.WithStdinCloser)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

func (p *process) Resize(ctx context.Context, size exec.Size) error {
	err := p.p.Resize(p.in(ctx), uint32(size.Cols), uint32(size.Rows))
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

func (p *process) Signal(ctx context.Context, sig syscall.Signal) error {
	err := p.p.Kill(p.in(ctx), sig)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

func (p *process) Wait() (int, error) {
	code, err := await(p.in(context.Background()), p.p, p.exit)
	p.source.CloseWithError(io.ErrClosedPipe)
	p.drain()
	ctx, cancel := context.WithTimeout(p.in(context.Background()), connectTimeout)
	defer cancel()
	if _, derr := p.p.Delete(ctx); err == nil && derr != nil && !errdefs.IsNotFound(derr) {
		err = fmt.Errorf("deleting the command: %w", derr)
	}
	return code, err
}

// quiet is how long an output must be still, after the command's end, to be
// given up: something that the command left running may hold it open.
const quiet = 2 * time.Second

// drain waits until the output is written.
func (p *process) drain() {
	done := make(chan struct{})
	go func() {
		p.p.IO().Wait()
		close(done)
	}()
	tick := time.NewTicker(quiet / 4)
	defer tick.Stop()
	for since := time.Now(); ; {
		select {
		case <-done:
			return
		case <-tick.C:
		}
		for _, o := range p.outputs {
			if o.stirred() {
				since = time.Now()
			}
		}
		if time.Since(since) > quiet {
			p.p.IO().Cancel()
			return
		}
	}
}

// busy is a writer that tells whether it was in use lately.
type busy struct {
	w       io.Writer
	writing atomic.Int32
	writes  atomic.Int64
	seen    int64
}

func (b *busy) Write(p []byte) (int, error) {
	b.writing.Add(1)
	defer b.writing.Add(-1)
	b.writes.Add(1)
	return b.w.Write(p)
}

// stirred tells whether a write is under way or was made since the last call.
func (b *busy) stirred() bool {
	n := b.writes.Load()
	is := b.writing.Load() > 0 || n != b.seen
	b.seen = n
	return is
}

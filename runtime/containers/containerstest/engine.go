package containerstest

import (
	"context"
	"fmt"
	"io"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/containerd/containerd/v2/core/images"

	"github.com/slipway-os/slipway/runtime/containers"
)

// A Program is what runs as a container; it returns the exit code. It gets the
// signals that are sent to the container, but for SIGKILL, which ends it.
type Program func(c containers.Container, signals <-chan syscall.Signal, stdout, stderr io.Writer) int

// An Engine is a containers.Engine that runs programs of the test.
type Engine struct {
	*Store
	// Program runs as every container.
	Program Program

	mu      sync.Mutex
	tasks   map[string]*task
	created []containers.Container
	events  []string
}

// NewEngine returns an engine without images.
func NewEngine(t testing.TB, p Program) *Engine {
	return &Engine{Store: NewStore(t), Program: p, tasks: map[string]*task{}}
}

// Events lists what was done, in order: "create ID", "start ID", "signal ID N",
// "remove ID" of one that was there.
func (e *Engine) Events() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.events)
}

// Created lists the containers that were made, in order.
func (e *Engine) Created() []containers.Container {
	e.mu.Lock()
	defer e.mu.Unlock()
	return slices.Clone(e.created)
}

func (e *Engine) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.events = append(e.events, fmt.Sprintf(format, args...))
}

// Remove implements containers.Engine.
func (e *Engine) Remove(_ context.Context, id string) error {
	e.mu.Lock()
	t := e.tasks[id]
	delete(e.tasks, id)
	e.mu.Unlock()
	if t == nil {
		return nil
	}
	e.note("remove %s", id)
	t.kill()
	return nil
}

// Create implements containers.Engine.
func (e *Engine) Create(_ context.Context, c containers.Container, img images.Image, stdout, stderr io.Writer) (containers.Task, error) {
	e.note("create %s", c.ID())
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.tasks[c.ID()]; ok {
		return nil, fmt.Errorf("container %s is there already", c.ID())
	}
	if img.Name != c.Source {
		return nil, fmt.Errorf("image %s for a container of %s", img.Name, c.Source)
	}
	t := &task{
		e: e, c: c, stdout: stdout, stderr: stderr,
		signals: make(chan syscall.Signal, 16), killed: make(chan struct{}), ended: make(chan int, 1),
	}
	e.tasks[c.ID()] = t
	e.created = append(e.created, c)
	return t, nil
}

type task struct {
	e              *Engine
	c              containers.Container
	stdout, stderr io.Writer
	signals        chan syscall.Signal
	killed         chan struct{}
	once           sync.Once
	ended          chan int
}

func (t *task) kill() { t.once.Do(func() { close(t.killed) }) }

func (t *task) Start(context.Context) error {
	t.e.note("start %s", t.c.ID())
	go func() { t.ended <- t.e.Program(t.c, t.signals, t.stdout, t.stderr) }()
	return nil
}

func (t *task) Wait(ctx context.Context) (int, error) {
	select {
	case code := <-t.ended:
		return code, nil
	case <-t.killed:
		return 128 + int(syscall.SIGKILL), nil
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (t *task) Signal(_ context.Context, sig syscall.Signal) error {
	t.e.note("signal %s %d", t.c.ID(), sig)
	if sig == syscall.SIGKILL {
		t.kill()
		return nil
	}
	t.signals <- sig
	return nil
}

// Package ctrd is containerd as the engine of the host's containers.
package ctrd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"syscall"
	"time"

	"github.com/containerd/containerd/api/types/runc/options"
	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/leases"
	"github.com/containerd/containerd/v2/pkg/cio"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/errdefs"

	"github.com/slipway-os/slipway/runtime/containers"
)

const (
	runtimeName = "io.containerd.runc.v2"
	// runcRoot keeps runc's state of host containers apart from the workloads'.
	runcRoot    = "/run/host-containerd/runc"
	snapshotter = "overlayfs"
	// fifoDir is where the ends of a container's output meet.
	fifoDir = "/run/slipway/fifo"
	// leaseTime is how long what was fetched is kept although the pull was
	// broken off, so that the next one goes on from there.
	leaseTime = 24 * time.Hour
	// connectTimeout bounds waiting for a containerd that is being started.
	connectTimeout = 30 * time.Second
)

// An Engine is a connection to a containerd. It connects when it is first used
// and again if it has to.
type Engine struct {
	client    *containerd.Client
	namespace string
	root      string
}

// Dial prepares a connection to the containerd at the socket. root is the
// folder that stands for the host's root; "" is the real one.
func Dial(socket, namespace, root string) (*Engine, error) {
	c, err := containerd.New(socket, containerd.WithDefaultNamespace(namespace), containerd.WithTimeout(connectTimeout))
	if err != nil {
		return nil, fmt.Errorf("connecting to containerd at %s: %w", socket, err)
	}
	return &Engine{client: c, namespace: namespace, root: root}, nil
}

// Close ends the connection.
func (e *Engine) Close() error { return e.client.Close() }

// Content implements image.Store.
func (e *Engine) Content() content.Store { return e.client.ContentStore() }

// Images implements image.Store.
func (e *Engine) Images() images.Store { return e.client.ImageService() }

// Lease implements image.Store.
func (e *Engine) Lease(ctx context.Context) (context.Context, func(), error) {
	ctx, done, err := e.client.WithLease(e.in(ctx), leases.WithRandomID(), leases.WithExpiration(leaseTime))
	if err != nil {
		return ctx, nil, err
	}
	// A lease that cannot be given back ends by itself.
	return ctx, func() { _ = done(context.WithoutCancel(ctx)) }, nil
}

// Unpack implements image.Store.
func (e *Engine) Unpack(ctx context.Context, img images.Image) error {
	return containerd.NewImage(e.client, img).Unpack(e.in(ctx), snapshotter)
}

func (e *Engine) in(ctx context.Context) context.Context {
	return namespaces.WithNamespace(ctx, e.namespace)
}

// Remove implements containers.Engine.
func (e *Engine) Remove(ctx context.Context, id string) error {
	ctx = e.in(ctx)
	c, err := e.client.LoadContainer(ctx, id)
	if errdefs.IsNotFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	switch t, err := c.Task(ctx, nil); {
	case errdefs.IsNotFound(err):
	case err != nil:
		return fmt.Errorf("looking for its task: %w", err)
	default:
		if _, err := t.Delete(ctx, containerd.WithProcessKill); err != nil && !errdefs.IsNotFound(err) {
			return fmt.Errorf("killing its task: %w", err)
		}
	}
	if err := c.Delete(ctx, containerd.WithSnapshotCleanup); err != nil && !errdefs.IsNotFound(err) {
		return err
	}
	return nil
}

// Create implements containers.Engine.
func (e *Engine) Create(ctx context.Context, c containers.Container, img images.Image, stdout, stderr io.Writer) (containers.Task, error) {
	ctx = e.in(ctx)
	image := containerd.NewImage(e.client, img)
	made, err := e.client.NewContainer(ctx, c.ID(),
		containerd.WithImage(image),
		containerd.WithSnapshotter(snapshotter),
		containerd.WithNewSnapshot(c.ID()+"-snapshot", image),
		containerd.WithImageStopSignal(image, "SIGTERM"),
		containerd.WithRuntime(runtimeName, &options.Options{Root: runcRoot}),
		containerd.WithNewSpec(specOf(c, image, e.root)...))
	if err != nil {
		return nil, err
	}
	t, err := made.NewTask(ctx, cio.NewCreator(cio.WithFIFODir(fifoDir), cio.WithStreams(nil, stdout, stderr)))
	if err != nil {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), connectTimeout)
		defer cancel()
		return nil, errors.Join(err, made.Delete(end, containerd.WithSnapshotCleanup))
	}
	return &task{task: t, in: e.in}, nil
}

// task is the first process of a container.
type task struct {
	task containerd.Task
	in   func(context.Context) context.Context
	exit <-chan containerd.ExitStatus
}

func (t *task) Start(ctx context.Context) error {
	ctx = t.in(ctx)
	// Asked for before the start, the end of a short task is not missed.
	exit, err := t.task.Wait(context.WithoutCancel(ctx))
	if err != nil {
		return err
	}
	t.exit = exit
	return t.task.Start(ctx)
}

func (t *task) Wait(ctx context.Context) (int, error) {
	code, err := await(t.in(ctx), t.task, t.exit)
	if err == nil {
		t.task.IO().Wait()
	}
	return code, err
}

func (t *task) Signal(ctx context.Context, sig syscall.Signal) error {
	err := t.task.Kill(t.in(ctx), sig)
	if errdefs.IsNotFound(err) {
		return nil
	}
	return err
}

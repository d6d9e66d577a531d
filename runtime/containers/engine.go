package containers

import (
	"context"
	"io"
	"syscall"

	"github.com/containerd/containerd/v2/core/images"

	"github.com/slipway-os/slipway/runtime/containers/image"
)

// An Engine runs containers. Package ctrd has containerd, package
// containerstest one that runs processes of the host.
type Engine interface {
	image.Store
	// Remove ends and deletes a container; it is no error if there is none.
	Remove(ctx context.Context, id string) error
	// Create makes a container, which does not run yet. Its output goes to the
	// writers.
	Create(ctx context.Context, c Container, img images.Image, stdout, stderr io.Writer) (Task, error)
}

// A Task is the first process of a container.
type Task interface {
	Start(ctx context.Context) error
	// Wait returns the exit code, 128+N after signal N, when the task has ended
	// and its output is written.
	Wait(ctx context.Context) (code int, err error)
	Signal(ctx context.Context, sig syscall.Signal) error
}

package ctrd

import (
	"context"
	"fmt"
	"time"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/errdefs"
)

// Processes live on while their containerd restarts, so that one who waits for
// them does as well.
const (
	againPause = time.Second     // before containerd is asked again
	againTime  = 2 * time.Minute // for it to be back
)

// waiter is what is asked of a task or process of containerd.
type waiter interface {
	Status(ctx context.Context) (containerd.Status, error)
	Wait(ctx context.Context) (<-chan containerd.ExitStatus, error)
}

// await returns a process's exit code when it has ended. exit is from its Wait.
func await(ctx context.Context, p waiter, exit <-chan containerd.ExitStatus) (int, error) {
	for {
		select {
		case status := <-exit:
			code, _, err := status.Result()
			if err == nil {
				return int(code), nil
			}
			if exit, err = again(ctx, p, err); err != nil {
				return 0, err
			}
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

// again waits anew after the connection to containerd was lost.
func again(ctx context.Context, p waiter, lost error) (<-chan containerd.ExitStatus, error) {
	patient, cancel := context.WithTimeout(ctx, againTime)
	defer cancel()
	for {
		select {
		case <-time.After(againPause):
		case <-patient.Done():
			return nil, lost
		}
		switch _, err := p.Status(patient); {
		case err == nil:
			return p.Wait(context.WithoutCancel(ctx))
		case errdefs.IsNotFound(err):
			return nil, fmt.Errorf("containerd has lost it: %w", lost)
		}
	}
}

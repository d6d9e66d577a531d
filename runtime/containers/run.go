package containers

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/runtime/containers/image"
	"github.com/slipway-os/slipway/runtime/settings"
)

// Times of a Runner's zero fields and of its cleaning up.
const (
	defaultGrace = 20 * time.Second
	cleanTimeout = 30 * time.Second
)

// An ExitError is a container that ended by itself with a code other than 0.
type ExitError struct {
	Container string
	Code      int
}

func (e *ExitError) Error() string {
	return fmt.Sprintf("container %s ended with code %d", e.Container, e.Code)
}

// A Runner runs containers.
type Runner struct {
	Engine Engine
	Images image.Puller
	Root   string // folder that stands for the host's root; "" is the real one
	Log    *slog.Logger
	Grace  time.Duration // from SIGTERM to SIGKILL; 0: 20 s

	Stdout, Stderr io.Writer // of the containers
}

// Run runs a container until it ends or ctx does; then it is stopped, first by
// SIGTERM. What an earlier run has left is removed before. It returns nil if
// the container ended with code 0 or was told to stop.
func (r *Runner) Run(ctx context.Context, c Container) (err error) {
	if err := r.prepare(c); err != nil {
		return err
	}
	if err := r.Engine.Remove(ctx, c.ID()); err != nil {
		return fmt.Errorf("removing the old container %s: %w", c.ID(), err)
	}
	img, err := r.Images.Ensure(ctx, c.Source)
	if err != nil {
		return err
	}
	task, err := r.Engine.Create(ctx, c, img, r.Stdout, r.Stderr)
	if err != nil {
		return fmt.Errorf("making container %s of %s: %w", c.ID(), c.Source, err)
	}
	defer func() {
		end, cancel := context.WithTimeout(context.WithoutCancel(ctx), cleanTimeout)
		defer cancel()
		if rerr := r.Engine.Remove(end, c.ID()); rerr != nil {
			err = errors.Join(err, fmt.Errorf("removing container %s: %w", c.ID(), rerr))
		}
	}()
	if err := task.Start(ctx); err != nil {
		return fmt.Errorf("starting container %s: %w", c.ID(), err)
	}
	r.Log.Info("container runs", "container", c.ID(), "image", c.Source, "superpowered", c.Superpowered)
	return r.await(ctx, c, task)
}

// await waits for the task and stops it when ctx ends.
func (r *Runner) await(ctx context.Context, c Container, task Task) error {
	type result struct {
		code int
		err  error
	}
	forever := context.WithoutCancel(ctx)
	ended := make(chan result, 1)
	go func() {
		code, err := task.Wait(forever)
		ended <- result{code, err}
	}()
	select {
	case res := <-ended:
		return r.judge(c, res.code, res.err)
	case <-ctx.Done():
	}
	r.Log.Info("stopping container", "container", c.ID())
	if err := task.Signal(forever, syscall.SIGTERM); err != nil {
		r.Log.Warn("asking the container to stop", "container", c.ID(), "error", err)
	}
	grace := cmp.Or(r.Grace, defaultGrace)
	select {
	case res := <-ended:
		r.Log.Info("container stopped", "container", c.ID(), "code", res.code)
		return nil
	case <-time.After(grace):
	}
	r.Log.Warn("container does not stop and is killed", "container", c.ID(), "after", grace)
	if err := task.Signal(forever, syscall.SIGKILL); err != nil {
		return fmt.Errorf("killing container %s: %w", c.ID(), err)
	}
	<-ended
	return nil
}

func (r *Runner) judge(c Container, code int, err error) error {
	if err != nil {
		return fmt.Errorf("waiting for container %s: %w", c.ID(), err)
	}
	r.Log.Info("container ended", "container", c.ID(), "code", code)
	if code != 0 {
		return &ExitError{c.ID(), code}
	}
	return nil
}

// userData is the file's name in a container's folder.
const userData = "user-data"

// prepare makes the container's folder and writes its user data. The file
// belongs to the settings: without the setting it goes. The container may write
// to the folder, so that nothing in there is followed.
func (r *Runner) prepare(c Container) error {
	dir := filepath.Join("/", r.Root, c.Dir())
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder of container %s: %w", c.ID(), err)
	}
	path := filepath.Join(dir, userData)
	if c.UserData == nil {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("removing old user data of container %s: %w", c.ID(), err)
		}
		return nil
	}
	if err := renameio.WriteFile(path, c.UserData, 0o600, renameio.WithTempDir(dir)); err != nil {
		return fmt.Errorf("writing user data of container %s: %w", c.ID(), err)
	}
	return nil
}

// NewRunner returns a runner that pulls as the settings say.
func NewRunner(config Config, engine Engine, stdout, stderr io.Writer, log *slog.Logger) (*Runner, error) {
	access, err := config.Access()
	if err != nil {
		return nil, err
	}
	return &Runner{
		Engine: engine,
		Images: image.Puller{
			Store: engine, Access: access, Log: log,
			Layers: settings.Or(config.ContainerRuntime.MaxConcurrentDownloads, 0),
		},
		Log: log, Stdout: stdout, Stderr: stderr,
	}, nil
}

// Logger logs to w, which the journal reads and stamps.
func Logger(w io.Writer) *slog.Logger {
	return slog.New(slog.NewTextHandler(w, &slog.HandlerOptions{
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		},
	}))
}

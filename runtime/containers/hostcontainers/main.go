package hostcontainers

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/ctrd"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// SyncMain is the command host-containers: "host-containers sync".
func SyncMain(args []string, _, stderr io.Writer) error {
	if len(args) != 1 || args[0] != "sync" {
		return fmt.Errorf("%w: want host-containers sync", multicall.ErrUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := containers.Logger(stderr)
	config, err := containers.Load("")
	if err != nil {
		return err
	}
	manager, err := systemd.Dial(ctx)
	if err != nil {
		return err
	}
	defer manager.Close()
	s := &Syncer{Config: config, Manager: manager, Log: log}
	if err := s.Sync(ctx); err != nil {
		// A host container is a tool for the operator: that one is wrong
		// must not make a boot count as bad.
		log.Error("host containers are not as the settings have them", "error", err)
	}
	return nil
}

// RunMain is the command host-container: "host-container run NAME".
func RunMain(args []string, stdout, stderr io.Writer) error {
	if len(args) != 2 || args[0] != "run" {
		return fmt.Errorf("%w: want host-container run NAME", multicall.ErrUsage)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	config, err := containers.Load("")
	if err != nil {
		return err
	}
	c, err := config.HostContainer(args[1])
	if err != nil {
		return err
	}
	engine, err := ctrd.Dial(containers.HostSocket, containers.HostNamespace, "")
	if err != nil {
		return err
	}
	defer engine.Close()
	return run(ctx, config, engine, c, stdout, stderr, containers.Logger(stderr))
}

// run runs the container. That it stopped because it was told to is no error.
func run(ctx context.Context, config containers.Config, engine containers.Engine, c containers.Container,
	stdout, stderr io.Writer, log *slog.Logger) error {
	runner, err := containers.NewRunner(config, engine, stdout, stderr, log)
	if err != nil {
		return err
	}
	err = runner.Run(ctx, c)
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

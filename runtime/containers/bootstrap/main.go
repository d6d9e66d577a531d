package bootstrap

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"os/signal"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/ctrd"
	"github.com/slipway-os/slipway/runtime/multicall"
)

// ContainersMain is the command bootstrap-containers.
func ContainersMain(args []string, stdout, stderr io.Writer) error {
	return sequence(args, stdout, stderr, (*Sequence).Containers)
}

// CommandsMain is the command bootstrap-commands.
func CommandsMain(args []string, stdout, stderr io.Writer) error {
	return sequence(args, stdout, stderr, (*Sequence).Commands)
}

// sequence makes a Sequence of this host and does with it.
func sequence(args []string, stdout, stderr io.Writer, do func(*Sequence, context.Context) error) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	config, err := containers.Load("")
	if err != nil {
		return err
	}
	engine, err := ctrd.Dial(containers.HostSocket, containers.HostNamespace, "")
	if err != nil {
		return err
	}
	defer engine.Close()
	log := containers.Logger(stderr)
	runner, err := containers.NewRunner(config, engine, stdout, stderr, log)
	if err != nil {
		return err
	}
	return do(&Sequence{
		Config: config, Log: log, Console: console.Open(stderr),
		Run: runner.Run, SetOff: NewSetter(api.Socket).SetOff,
		Exec: func(ctx context.Context, command []string) error { return execHost(ctx, command, stdout, stderr) },
	}, ctx)
}

// execHost runs a program of the host.
func execHost(ctx context.Context, command []string, stdout, stderr io.Writer) error {
	cmd := exec.CommandContext(ctx, "/usr/bin/"+command[0], command[1:]...)
	cmd.Stdout, cmd.Stderr = stdout, stderr
	return cmd.Run()
}

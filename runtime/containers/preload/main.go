package preload

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/ctrd"
	"github.com/slipway-os/slipway/runtime/containers/image"
	"github.com/slipway-os/slipway/runtime/multicall"
)

// Main is the command preload.
func Main(args []string, _, stderr io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := containers.Logger(stderr)
	config, err := containers.Load("")
	if err != nil {
		return err
	}
	l := &Loader{
		Host:     open(containers.HostSocket, containers.HostNamespace),
		Workload: open(containers.WorkloadSocket, containers.WorkloadNamespace),
		IsHost:   isHost(config), Log: log,
	}
	if err := l.Load(ctx); err != nil {
		// The journal has it, file by file. A broken archive must not make a
		// boot count as bad: no older system would find it whole.
		console.Printf(console.Open(stderr), "preloaded images: %v", err)
	}
	return nil
}

// open connects to a containerd, once. The connection lasts as long as the
// command.
func open(socket, namespace string) func() (image.Store, error) {
	return sync.OnceValues(func() (image.Store, error) { return ctrd.Dial(socket, namespace, "") })
}

// isHost tells which images the settings name for the host's own containers.
func isHost(config containers.Config) func(name string) bool {
	sources := map[string]bool{}
	add := func(source string) {
		if name, err := image.Normalize(source); err == nil {
			sources[name] = true
		}
	}
	for _, c := range config.HostContainers {
		add(string(c.Source))
	}
	for _, c := range config.BootstrapContainers {
		add(string(c.Source))
	}
	return func(name string) bool { return sources[name] }
}

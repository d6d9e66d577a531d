package config

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os/signal"
	"slices"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/multicall"
)

// bootTimeout bounds the settings-boot command. The unit's own limit is above.
const bootTimeout = 60 * time.Second

// Main is the settings-boot command: Boot on this host. Bad settings are no
// failure of it; they are in the report and on the console.
func Main(args []string, _, stderr io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, bootTimeout)
	defer cancel()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{ReplaceAttr: dropTime}))
	r := Boot(ctx, Host{Root: "/", Random: rand.Reader, Log: log, Now: time.Now})
	announce(console.Open(stderr), r)
	return nil
}

// announce says on the console what is wrong.
func announce(out io.Writer, r Report) {
	if r.UserData.Error != "" {
		console.Printf(out, "user data is not used: %s", r.UserData.Error)
	}
	for _, c := range r.Checks() {
		if c.Name == "settings" && !c.OK {
			console.Printf(out, "settings: %s", c.Message)
		}
	}
	if r.Kernel != "" {
		console.Printf(out, "settings: %s", r.Kernel)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Templates)) {
		console.Printf(out, "settings: %s", r.Templates[name])
	}
}

// KernelMain is the settings-kernel command: Kernel on this host. Its error is
// also the unit's status, which is what a client of the API gets to see.
func KernelMain(args []string, _, _ io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	err := (Kernel{Root: "/"}).Apply()
	status := ""
	if err != nil {
		status = oneLine(err)
	}
	// Nobody may listen, on a terminal say.
	_, _ = daemon.SdNotify(false, "STATUS="+status)
	return err
}

// dropTime leaves the time stamp to the journal.
func dropTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

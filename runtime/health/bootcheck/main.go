package bootcheck

import (
	"context"
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// Main is the health command: without arguments it runs the boot checks and
// leaves their report, with --ready it says on the console that they passed.
func Main(args []string, _, stderr io.Writer) error {
	flags := flag.NewFlagSet("health", flag.ContinueOnError)
	flags.SetOutput(stderr)
	ready := flags.Bool("ready", false, "say on the console that the host is ready")
	if err := flags.Parse(args); err != nil {
		if err == flag.ErrHelp {
			return err
		}
		return fmt.Errorf("%w: %w", multicall.ErrUsage, err)
	}
	if *ready {
		ctx, cancel := context.WithTimeout(context.Background(), leastOf)
		defer cancel()
		return announce(ctx, console.Open(stderr), apiclient.New(api.Socket))
	}
	return checkBoot(host.New(), console.Open(stderr))
}

// checkBoot runs the checks on this host, reports, and returns what is wrong.
func checkBoot(h host.Host, out io.Writer) error {
	uptime, err := h.Uptime()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), max(Deadline-uptime, leastOf))
	defer cancel()
	err = runChecks(ctx)
	report := health.Report{Good: err == nil, Finished: time.Now().UTC()}
	if err != nil {
		report.Reason = strings.ReplaceAll(err.Error(), "\n", "; ")
		console.Printf(out, "boot is not good: %s", report.Reason)
	}
	if werr := report.Write(h.Root); werr != nil {
		return werr
	}
	return err
}

func runChecks(ctx context.Context) error {
	manager, err := systemd.Dial(ctx)
	if err != nil {
		return err
	}
	defer manager.Close()
	return Checker{Manager: manager, AskAPI: apiclient.New(api.Socket).OS, Tick: 100 * time.Millisecond}.Run(ctx)
}

// client is what announce needs of the API.
type client interface {
	OS(ctx context.Context) (api.OS, error)
	Health(ctx context.Context) (api.Health, error)
}

// announce writes the line that says that the boot is good, and one more for
// each thing that is wrong all the same.
func announce(ctx context.Context, out io.Writer, c client) error {
	os, err := c.OS(ctx)
	if err != nil {
		return err
	}
	console.Printf(out, "ready variant=%s version=%s slot=%s boot=%d", os.VariantID, os.VersionID, os.Slot, os.Boot.Count)
	h, err := c.Health(ctx)
	if err != nil {
		return err
	}
	for _, check := range h.Checks {
		if !check.OK {
			console.Printf(out, "degraded: %s: %s", check.Name, check.Message)
		}
	}
	return nil
}

package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/console"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/systemd"
	"github.com/slipway-os/slipway/runtime/userdata"
	"github.com/slipway-os/slipway/runtime/virtioport"
)

// portName is the virtio-serial port that the API is served on, if user data
// says so.
const portName = "dev.slipway.api"

// stopTimeout is what requests under way get when the daemon stops.
const stopTimeout = 5 * time.Second

// Main is the apiserver command.
func Main(args []string, _, stderr io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{ReplaceAttr: dropTime}))
	h := host.New()
	settings, checks := inspect(h, log, console.Open(stderr))
	s := &Server{Host: h, Dial: systemd.Dial, Journal: runJournal, Log: log}
	var counted api.Check
	s.Boot, counted = countBoot(h, log)
	checks = append(checks, counted)

	listener, err := listen()
	if err != nil {
		return err
	}
	doors := []net.Listener{listener}
	if settings.API.VirtioSerial {
		port, check := openPort(h, log)
		checks = append(checks, check)
		if port != nil {
			doors = append(doors, port)
		}
	}
	s.Monitor = &health.Monitor{Host: h, Dial: s.Dial, Now: time.Now, Fixed: checks}
	return serve(ctx, s.Handler(), doors, log)
}

// dropTime leaves the time stamp to the journal.
func dropTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

// inspect reads the user data, tells the console what is wrong with it, and
// returns the settings to use.
func inspect(h host.Host, log *slog.Logger, out io.Writer) (userdata.Settings, []api.Check) {
	result := userdata.Load(h.Root)
	check := api.Check{Name: "user-data", OK: result.Err == nil}
	for _, w := range result.Warnings {
		log.Warn("user data", "source", result.Source, "warning", w)
	}
	check.Message = strings.Join(result.Warnings, "; ")
	if result.Err != nil {
		check.Message = oneLine(result.Err)
		log.Error("user data is not used", "source", result.Source, "error", result.Err)
		console.Printf(out, "user data is not used: %s", check.Message)
	}
	return result.Settings, []api.Check{check}
}

// countBoot counts this boot. A full or broken STATE must not keep the API from
// answering, so that failing is a check.
func countBoot(h host.Host, log *slog.Logger) (bootrecord.Record, api.Check) {
	check := api.Check{Name: "boot-record"}
	id, err := h.BootID()
	if err != nil {
		check.Message = err.Error()
		return bootrecord.Record{}, check
	}
	path := filepath.Join(h.Root, bootrecord.Path)
	record, err := bootrecord.Count(path, id, time.Now())
	if err != nil {
		log.Error("boot record", "error", err)
		check.Message = oneLine(err)
		return record, check
	}
	check.OK = true
	return record, check
}

// listen takes over the socket that systemd opened or makes its own.
func listen() (net.Listener, error) {
	given, err := activation.Listeners()
	if err != nil {
		return nil, fmt.Errorf("taking over the socket: %w", err)
	}
	if len(given) > 0 && given[0] != nil {
		return given[0], nil
	}
	if err := os.Remove(api.Socket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old socket: %w", err)
	}
	old := unix.Umask(0o117) // the socket is 0660 from its first moment
	defer unix.Umask(old)
	l, err := net.Listen("unix", api.Socket)
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	return l, nil
}

// openPort opens the hypervisor's door.
func openPort(h host.Host, log *slog.Logger) (net.Listener, api.Check) {
	check := api.Check{Name: "virtio-serial"}
	device, err := virtioport.Find(h.Root, portName)
	if err != nil {
		check.Message = err.Error()
		return nil, check
	}
	port, err := virtioport.Open(device)
	if err != nil {
		check.Message = err.Error()
		return nil, check
	}
	log.Info("serving on the virtio-serial port", "name", portName, "device", device)
	check.OK = true
	return port, check
}

// serve answers on all doors until ctx ends or a door breaks.
func serve(ctx context.Context, h http.Handler, doors []net.Listener, log *slog.Logger) error {
	srv := &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 10 * time.Second,
		MaxHeaderBytes:    maxHeader,
		// No end to an idle connection: on a port nobody would see it.
		IdleTimeout: -1,
		ConnState:   virtioport.Track,
		BaseContext: func(net.Listener) context.Context { return ctx },
		ErrorLog:    slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
	broken := make(chan error, len(doors))
	for _, l := range doors {
		go func() { broken <- fmt.Errorf("serving on %s: %w", l.Addr(), srv.Serve(l)) }()
	}
	go feedWatchdog(ctx, log)
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		log.Warn("telling systemd that the API is ready", "error", err)
	}
	select {
	case err := <-broken:
		return err
	case <-ctx.Done():
	}
	end, cancel := context.WithTimeout(context.Background(), stopTimeout)
	defer cancel()
	if err := srv.Shutdown(end); err != nil {
		return errors.Join(fmt.Errorf("ending requests: %w", err), srv.Close())
	}
	return nil
}

// feedWatchdog tells systemd twice in each period that the daemon is alive.
func feedWatchdog(ctx context.Context, log *slog.Logger) {
	period, err := daemon.SdWatchdogEnabled(false)
	if err != nil || period == 0 {
		return
	}
	tick := time.NewTicker(period / 2)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if _, err := daemon.SdNotify(false, daemon.SdNotifyWatchdog); err != nil {
				log.Warn("feeding the watchdog", "error", err)
			}
		}
	}
}

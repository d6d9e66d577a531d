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
	"time"

	"github.com/coreos/go-systemd/v22/activation"
	"github.com/coreos/go-systemd/v22/daemon"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/systemd"
	"github.com/slipway-os/slipway/runtime/virtioport"
)

// portName is the virtio-serial port that the API is served on, while the
// setting doorSetting says so.
const (
	portName    = "dev.slipway.api"
	doorSetting = "api.virtio-serial"
)

// Main is the apiserver command.
func Main(args []string, _, stderr io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{ReplaceAttr: dropTime}))
	h := host.New()
	s := &Server{Host: h, Dial: systemd.Dial, Journal: runJournal, Units: runUnits, Log: log}
	s.Monitor = &health.Monitor{Host: h, Dial: s.Dial, Now: time.Now}
	var counted api.Check
	s.Boot, counted = countBoot(h, log)
	s.Monitor.Fixed = []api.Check{counted, s.openSettings(), s.openAudit()}
	defer s.close()
	listener, err := listen()
	if err != nil {
		return err
	}
	run := s.openExec()
	defer run.Wait()
	d := &door{find: func() (net.Listener, error) { return findPort(h) }, handler: s.Handler(), log: log}
	s.Monitor.More = func() []api.Check { return append(d.checks(), s.settingsChecks()...) }
	s.Changed = func([]string) { d.set(s.doorWanted()) }
	s.Changed(nil)
	if s.Manager != nil {
		if err := s.resumeTrial(ctx, s.Manager); err != nil {
			log.Error("going on with a trial", "error", err)
		}
		go s.followGenerators(ctx)
	}
	return serve(ctx, d.handler, listener, d, log)
}

// openSettings opens the store. Whatever comes of it the API answers; a check
// says what is wrong.
func (s *Server) openSettings() api.Check {
	check := api.Check{Name: "settings-store", OK: true}
	var unsaved error
	s.Manager, unsaved, s.StoreErr = openManager(s.Host, s.Dial, s.Log)
	if err := errors.Join(s.StoreErr, unsaved); err != nil {
		s.Log.Error("settings", "error", err)
		check.OK, check.Message = false, oneLine(err)
	}
	return check
}

// openManager takes the settings over from settings-boot. unsaved says why they
// can be read but not written.
func openManager(h host.Host, dial systemd.Dialer, log *slog.Logger) (m *config.Manager, unsaved, err error) {
	release, err := h.Release()
	if err != nil {
		return nil, nil, err
	}
	templates, err := config.LoadTemplates(h.Root)
	if err != nil {
		return nil, nil, err
	}
	schema := settings.ForVariant(release.VariantID)
	st, opened, err := config.OpenStore(h.Root, release.VersionID, schema, nil)
	if err != nil {
		return nil, nil, err
	}
	if opened.Recovered != "" {
		log.Warn("settings", "recovered", opened.Recovered)
	}
	m = &config.Manager{Schema: schema, Store: st, Templates: templates, Dial: dial, Root: h.Root, Log: log}
	m.Resume(config.ReadReport(h.Root))
	return m, opened.Unsaved, nil
}

// settingsChecks tell whether the host follows its settings.
func (s *Server) settingsChecks() []api.Check {
	if s.Manager == nil {
		return nil
	}
	return []api.Check{s.Manager.Check()}
}

// lookAgain is how often the generators look for better values: DHCP may name
// the host at any time.
const lookAgain = 30 * time.Second

// followGenerators lets the generators work until they are done. They wait for
// the end of a trial, because it can be taken back only while it is the last
// change.
func (s *Server) followGenerators(ctx context.Context) {
	tick := time.NewTicker(lookAgain)
	defer tick.Stop()
	for {
		done, err := s.generate(ctx)
		if err != nil && ctx.Err() == nil {
			s.Log.Warn("generators", "error", err)
		}
		if done {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Server) generate(ctx context.Context) (done bool, err error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.trial != nil {
		return false, nil
	}
	return s.Manager.Generate(ctx)
}

// close gives up what was opened.
func (s *Server) close() {
	s.pauseTrial()
	var errs []error
	if s.Audit != nil {
		errs = append(errs, s.Audit.Close())
	}
	if s.Manager != nil {
		errs = append(errs, s.Manager.Store.Close())
	}
	if err := errors.Join(errs...); err != nil {
		s.Log.Warn("stopping", "error", err)
	}
}

// doorWanted is what the settings say of the virtio-serial port.
func (s *Server) doorWanted() bool {
	return s.Manager != nil && string(s.Manager.Store.Live()[doorSetting].Value) == "true"
}

// dropTime leaves the time stamp to the journal.
func dropTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
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

// findPort opens the hypervisor's door.
func findPort(h host.Host) (net.Listener, error) {
	device, err := virtioport.Find(h.Root, portName)
	if err != nil {
		return nil, err
	}
	return virtioport.Open(device)
}

// Serve answers on a unix socket, and on nothing else, until ctx ends.
func (s *Server) Serve(ctx context.Context, socket net.Listener) error {
	defer s.pauseTrial()
	return serve(ctx, s.Handler(), socket, &door{log: s.Log}, s.Log)
}

// serve answers on the socket and at the door until ctx ends or the socket
// breaks.
func serve(ctx context.Context, h http.Handler, socket net.Listener, d *door, log *slog.Logger) error {
	srv := newHTTPServer(h, log)
	srv.IdleTimeout = idleTimeout
	srv.BaseContext = func(net.Listener) context.Context { return ctx }
	broken := make(chan error, 1)
	go func() { broken <- fmt.Errorf("serving on %s: %w", socket.Addr(), srv.Serve(limit(socket, maxConns))) }()
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
	d.shutdown(end)
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

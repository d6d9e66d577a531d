package update

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
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/systemd"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/slot"
)

// Where things are on the host.
const (
	stateDir = "/var/lib/slipway/updates"
	// RootPath is the repository's root of trust, in images that have one.
	RootPath  = "/usr/share/slipway/root.json"
	machineID = "/etc/machine-id"
	built     = "/usr/lib/os-release" // its time is that of the build
	maxRoot   = 512000                // bytes, as go-tuf's
)

// Of the daemon.
const (
	tick        = 30 * time.Second // between looks at what is to be done
	idleEnd     = time.Minute      // without anything to do, it ends; systemd starts it again
	stopTimeout = 10 * time.Second
	readTimeout = 10 * time.Second
)

// Main is the updater command: the daemon behind the API's updates. It ends
// when there is nothing to do.
func Main(args []string, _, stderr io.Writer) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: takes no arguments, got %q", multicall.ErrUsage, args)
	}
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGTERM, unix.SIGINT)
	defer stop()
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{ReplaceAttr: dropTime}))
	u, err := onHost(host.New(), log)
	if err != nil {
		return err
	}
	socket, err := listen()
	if err != nil {
		return err
	}
	if err := u.Start(); err != nil {
		return err
	}
	defer u.Close()
	return serve(ctx, u, socket)
}

// serve answers on the socket while the strategy is at work.
func serve(ctx context.Context, u *Updater, socket net.Listener) error {
	srv := &http.Server{Handler: u.Handler(), ReadTimeout: readTimeout, ErrorLog: slog.NewLogLogger(u.Log.Handler(), slog.LevelWarn)}
	broken := make(chan error, 1)
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	go func() {
		broken <- srv.Serve(socket)
		cancel()
	}()
	if _, err := daemon.SdNotify(false, daemon.SdNotifyReady); err != nil {
		u.Log.Warn("telling systemd that the updater is ready", "error", err)
	}
	u.Run(ctx, tick, idleEnd)
	end, done := context.WithTimeout(context.Background(), stopTimeout)
	defer done()
	err := srv.Shutdown(end)
	if served := <-broken; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	if err != nil {
		return fmt.Errorf("serving on %s: %w", socket.Addr(), err)
	}
	return nil
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
	if err := os.Remove(api.UpdaterSocket); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("removing the old socket: %w", err)
	}
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	l, err := net.Listen("unix", api.UpdaterSocket)
	if err != nil {
		return nil, fmt.Errorf("opening the socket: %w", err)
	}
	return l, nil
}

// onHost is the updater of a host.
func onHost(h host.Host, log *slog.Logger) (*Updater, error) {
	running, root, err := bootstate.Observe(h)
	if err != nil {
		return nil, err
	}
	release, err := h.Release()
	if err != nil {
		return nil, err
	}
	u := &Updater{
		System: System{
			Variant: release.VariantID, Arch: host.Arch(), Version: release.VersionID, RootHash: running.RootHash, Slot: running.Slot,
		},
		Dir: filepath.Join(h.Root, stateDir), FS: store.OS, Now: time.Now, Log: log,
		Settings: fromAPI(apiclient.New(filepath.Join(h.Root, api.Socket)), settings.ForVariant(release.VariantID)),
		Boot:     &Managed{Open: func() (*bootstate.Manager, func() error, error) { return bootstate.Open(h) }},
		HTTP:     fetch.NewClient(transport()),
		Restart:  restart(systemd.Dial),
	}
	disk, err := diskOf(h.Root, root.Device)
	if err != nil {
		return nil, err
	}
	u.Disk = func() (Disk, error) { return slot.Open(disk) }
	return u, u.readImage(h.Root)
}

// readImage reads what the image says: whom it trusts, and when it was built.
func (u *Updater) readImage(root string) error {
	var err error
	if u.Root, err = store.OS.ReadFile(filepath.Join(root, RootPath), maxRoot); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("reading the repository's root of trust: %w", err)
	}
	info, err := os.Stat(filepath.Join(root, built))
	if err != nil {
		return fmt.Errorf("finding out when the image was built: %w", err)
	}
	u.Floor = info.ModTime()
	id, err := os.ReadFile(filepath.Join(root, machineID))
	if err != nil {
		return fmt.Errorf("reading the machine ID: %w", err)
	}
	u.MachineID = strings.TrimSpace(string(id))
	return nil
}

// transport has limits where waiting could be without an end.
func transport() http.RoundTripper {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: time.Minute, IdleConnTimeout: time.Minute,
		MaxResponseHeaderBytes: 64 << 10, MaxIdleConnsPerHost: 4, ForceAttemptHTTP2: true,
	}
}

// fromAPI asks the API for the settings, whose owner it is.
func fromAPI(c *apiclient.Client, schema *settings.Schema) func(context.Context) (Config, error) {
	return func(ctx context.Context) (Config, error) {
		status, _, body, err := c.Do(ctx, http.MethodGet, api.PathSettings+"?prefix=updates", nil)
		if err == nil && status != http.StatusOK {
			err = fmt.Errorf("HTTP status %d", status)
		}
		if err != nil {
			return Config{}, fmt.Errorf("asking for the settings: %w", err)
		}
		values, err := schema.FlattenJSON(body)
		if err != nil {
			return Config{}, fmt.Errorf("reading the settings: %w", err)
		}
		return ConfigOf(schema, values)
	}
}

func restart(dial systemd.Dialer) func(context.Context) error {
	return func(ctx context.Context) error {
		m, err := dial(ctx)
		if err != nil {
			return err
		}
		defer m.Close()
		return m.Start(ctx, "reboot.target")
	}
}

// diskOf is the disk on which the root lies: below the device (/dev/dm-0) is a
// partition, and the folder of that, in /sys/devices, is in that of its disk.
func diskOf(root, device string) (string, error) {
	block := filepath.Join(root, "sys/class/block")
	name := strings.TrimPrefix(device, "/dev/")
	if below, err := os.ReadDir(filepath.Join(block, name, "slaves")); err == nil && len(below) > 0 {
		name = below[0].Name()
	}
	real, err := filepath.EvalSymlinks(filepath.Join(block, name))
	if err != nil {
		return "", fmt.Errorf("finding the disk of %s: %w", device, err)
	}
	if _, err := os.Stat(filepath.Join(real, "partition")); err != nil {
		return "", fmt.Errorf("finding the disk of %s: %s is no partition: %w", device, name, err)
	}
	return filepath.Join("/dev", filepath.Base(filepath.Dir(real))), nil
}

// dropTime leaves the time stamp to the journal.
func dropTime(groups []string, a slog.Attr) slog.Attr {
	if len(groups) == 0 && a.Key == slog.TimeKey {
		return slog.Attr{}
	}
	return a
}

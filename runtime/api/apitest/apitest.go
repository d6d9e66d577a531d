// Package apitest serves the host API of a made-up host on a socket, with the
// real server, store and templates behind it.
package apitest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/slipway-os/slipway/runtime/api/server"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

// Journal is what the host's journal has, one entry a line.
const Journal = `{"__REALTIME_TIMESTAMP":"1772366400000000","SYSLOG_IDENTIFIER":"chronyd","_PID":"12","MESSAGE":"hello"}
{"__REALTIME_TIMESTAMP":"1772366401500000","_COMM":"kernel","MESSAGE":[72,105,7]}
`

// start is when the host's first boot was, and when its boot checks ended.
var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// templates are those of the host: one file each of motd and ntp.
var templates = fstest.MapFS{
	"motd.tmpl": {Data: []byte("+++\npath = \"/etc/motd\"\nmode = \"0644\"\nsettings = [\"motd\"]\n+++\n{{ setting \"motd\" }}\n")},
	"chrony.tmpl": {Data: []byte("+++\npath = \"/etc/chrony.conf\"\nmode = \"0644\"\nsettings = [\"ntp\"]\n" +
		"try-restart = [\"chronyd.service\"]\n+++\n{{ range setting \"ntp.time-servers\" }}server {{ . }}\n{{ end }}")},
}

// A Host is a well host whose API is served.
type Host struct {
	Root   string // where its files are
	Socket string
	// Systemd is its service manager.
	Systemd *systemdtest.Manager
}

// Serve makes a host and serves its API until the test ends.
func Serve(t testing.TB) *Host {
	t.Helper()
	made, _ := hosttest.New(t, nil)
	h := &Host{Root: made.Root, Socket: filepath.Join(t.TempDir(), "api.sock"), Systemd: &systemdtest.Manager{}}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	must(t, h.Write("/etc/machine-id", hosttest.BootID))
	must(t, config.Report{}.Write(h.Root))
	must(t, health.Report{Good: true, Finished: start}.Write(h.Root))
	h.Systemd.SetState("chronyd.service", "active")
	s := &server.Server{
		Host: made, Dial: h.Systemd.Dial, Log: log, Journal: prints(Journal), Units: prints("units\n"),
		Monitor: &health.Monitor{Host: made, Dial: h.Systemd.Dial, Now: time.Now},
		Boot:    bootrecord.Record{BootID: hosttest.BootID, Count: 3, FirstBoot: start},
		Manager: h.manager(t, log), Audit: h.audit(t),
	}
	h.serve(t, s)
	return h
}

// Write puts a file on the host.
func (h *Host) Write(path, text string) error {
	full := filepath.Join(h.Root, path)
	return errors.Join(os.MkdirAll(filepath.Dir(full), 0o755), os.WriteFile(full, []byte(text), 0o644))
}

func (h *Host) manager(t testing.TB, log *slog.Logger) *config.Manager {
	set, err := render.Load(templates)
	must(t, err)
	schema := settings.Base()
	st, _, err := config.OpenStore(h.Root, "0.1.0", schema, nil)
	must(t, err)
	t.Cleanup(func() { must(t, st.Close()) })
	m := &config.Manager{Schema: schema, Store: st, Templates: set, Dial: h.Systemd.Dial, Root: h.Root, Log: log}
	_, err = m.Generate(context.Background())
	must(t, err)
	return m
}

func (h *Host) audit(t testing.TB) *audit.Log {
	log, err := audit.Open(audit.Options{
		Dir: filepath.Join(h.Root, "var/lib/slipway/audit"), Sensitive: func(key string) bool { return strings.HasSuffix(key, "user-data") },
	})
	must(t, err)
	t.Cleanup(func() { must(t, log.Close()) })
	return log
}

func (h *Host) serve(t testing.TB, s *server.Server) {
	l, err := net.Listen("unix", h.Socket)
	must(t, err)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		must(t, <-ended)
	})
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// prints is a program that prints text.
func prints(text string) func(context.Context, []string) (server.Stream, error) {
	return func(context.Context, []string) (server.Stream, error) { return stream{strings.NewReader(text)}, nil }
}

type stream struct{ io.Reader }

func (stream) Wait() error { return nil }

package server

import (
	"context"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
)

func TestCountBoot(t *testing.T) {
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	h, _ := hosttest.New(t, nil)
	for range 2 { // the second time the daemon was restarted
		record, check := countBoot(h, log)
		if record.Count != 1 || record.BootID != hosttest.BootID || !check.OK {
			t.Errorf("%+v, %+v", record, check)
		}
	}
	if err := os.RemoveAll(filepath.Join(h.Root, "var/lib/slipway")); err != nil {
		t.Fatal(err)
	}
	record, check := countBoot(h, log)
	if record.Count != 1 || check.OK || check.Message == "" {
		t.Errorf("without a folder: %+v, %+v; want a count and a check that is not ok", record, check)
	}
}

// The whole way over a real socket, until the daemon is told to stop.
func TestServe(t *testing.T) {
	s, m := newServer(t, nil)
	socket := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, l) }()

	c := apiclient.New(socket)
	os, err := c.OS(ctx)
	if err != nil || os.VersionID != "0.1.0" {
		t.Errorf("OS: %+v, %v", os, err)
	}
	health, err := c.Health(ctx)
	if err != nil || health.Status != api.Starting {
		t.Errorf("Health: %+v, %v", health, err)
	}
	status, _, _, err := c.Do(ctx, http.MethodPost, api.PathReboot, nil)
	if err != nil || status != http.StatusAccepted || len(m.Started()) != 1 {
		t.Errorf("reboot: status %d, %v, started %q", status, err, m.Started())
	}
	stop()
	select {
	case err := <-ended:
		if err != nil {
			t.Errorf("serve: %v", err)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("serve goes on after its end")
	}
}

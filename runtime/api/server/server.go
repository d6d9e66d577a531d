// Package server serves the host API.
package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// Limits of a request and its answer.
const (
	maxBody       = 1 << 20 // bytes
	maxHeader     = 16 << 10
	headerTimeout = 10 * time.Second
	bodyTimeout   = 20 * time.Second
	answerTimeout = 30 * time.Second // for everything that has an end
	idleTimeout   = time.Minute      // between requests, on the socket
	maxConns      = 64               // on the socket; others wait in the kernel
	maxJournals   = 4                // at a time
	maxBundles    = 1                // at a time
)

// A Server answers requests. Fill the fields, then use Handler once.
type Server struct {
	Host    host.Host
	Dial    systemd.Dialer
	Monitor *health.Monitor
	Boot    bootrecord.Record
	// Manager owns the settings; nil, and StoreErr says why, if they could
	// not be opened.
	Manager  *config.Manager
	StoreErr error
	// Audit keeps who changed what; nil: nobody does.
	Audit *audit.Log
	// Journal runs journalctl with the arguments.
	Journal func(ctx context.Context, args []string) (Stream, error)
	// Units runs systemctl with the arguments.
	Units func(ctx context.Context, args []string) (Stream, error)
	// Changed is told which settings have changed, after every change.
	Changed func(keys []string)
	// More are routes of other packages.
	More []Route
	Log  *slog.Logger

	requests *prometheus.CounterVec
	changing sync.Mutex // held while the settings in force change
	trial    *trial     // guarded by changing
}

// A Stream is the output of a running program.
type Stream interface {
	io.Reader
	// Wait ends the stream and returns what the program said on stderr if it
	// failed.
	Wait() error
}

// Handler returns the API.
func (s *Server) Handler() http.Handler {
	s.requests = newRequestCounter()
	r := newRouter(s.routes(), s.Log)
	r.record = s.recordRequest
	return r
}

// schema is that of the settings, also while there are none.
func (s *Server) schema() *settings.Schema {
	if s.Manager == nil {
		return settings.Base()
	}
	return s.Manager.Schema
}

// changed tells what depends on settings within the daemon.
func (s *Server) changed(keys []string) {
	if s.Changed != nil {
		s.Changed(keys)
	}
}

func (s *Server) getHealth(w http.ResponseWriter, r *http.Request) error {
	h := s.Monitor.Health(r.Context())
	status := http.StatusOK
	if h.Status != api.Good {
		status = http.StatusServiceUnavailable
	}
	return writeJSON(w, status, h)
}

// postReboot queues the reboot: services stop in order, this one as well, once
// it has answered.
func (s *Server) postReboot(w http.ResponseWriter, r *http.Request) error {
	manager, err := s.Dial(r.Context())
	if err != nil {
		return err
	}
	defer manager.Close()
	if err := manager.Start(r.Context(), "reboot.target"); err != nil {
		return err
	}
	s.Log.Info("rebooting on request")
	return writeJSON(w, http.StatusAccepted, struct{}{})
}

// Package server serves the host API.
package server

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// Limits of a request and its answer.
const (
	maxBody       = 1 << 20 // bytes
	maxHeader     = 16 << 10
	answerTimeout = 30 * time.Second // for everything that has an end
	maxJournals   = 4                // at a time
)

// A Server answers requests. Fill the fields, then use Handler.
type Server struct {
	Host    host.Host
	Dial    systemd.Dialer
	Monitor *health.Monitor
	Boot    bootrecord.Record
	// Journal runs journalctl with the arguments.
	Journal func(ctx context.Context, args []string) (Stream, error)
	Log     *slog.Logger
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
	gate := make(chan struct{}, maxJournals)
	r := router{log: s.Log, routes: map[string]map[string]handler{
		api.PathOS:      {http.MethodGet: s.getOS},
		api.PathHealth:  {http.MethodGet: s.getHealth},
		api.PathJournal: {http.MethodGet: func(w http.ResponseWriter, r *http.Request) error { return s.getJournal(gate, w, r) }},
		api.PathReboot:  {http.MethodPost: s.postReboot},
	}}
	return r
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

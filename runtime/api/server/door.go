package server

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/virtioport"
)

// A door is the virtio-serial port: open or closed, as the setting says.
type door struct {
	// find opens the port; the error says why that cannot be.
	find    func() (net.Listener, error)
	handler http.Handler
	log     *slog.Logger

	mu     sync.Mutex
	wanted bool
	failed error        // why it is closed though it is wanted
	port   *http.Server // nil while it is closed
	busy   bool         // in the middle of a request
	shut   chan struct{}
}

// set opens or closes the door. Who asked for it through the door gets the
// answer first.
func (d *door) set(open bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.wanted = open
	d.settle()
}

// settle makes the door as it is wanted, if that can be now. The caller holds
// mu.
func (d *door) settle() {
	switch {
	case d.wanted && d.port == nil:
		d.open()
	case !d.wanted && d.port != nil && !d.busy:
		d.log.Info("closing the virtio-serial port")
		_ = d.port.Close() // the listener's error is no news, nobody comes that way any more
		d.port = nil
		close(d.shut)
	case !d.wanted:
		d.failed = nil
	}
}

// open serves the port. The caller holds mu.
func (d *door) open() {
	l, err := d.find()
	d.failed = err
	if err != nil {
		d.log.Error("the virtio-serial port stays closed", "error", err)
		return
	}
	srv := newHTTPServer(d.handler, d.log)
	// No end to an idle connection: nobody on the other side would see it.
	srv.IdleTimeout = -1
	srv.ConnState = d.track
	d.port, d.busy, d.shut = srv, false, make(chan struct{})
	d.log.Info("serving on the virtio-serial port", "address", l.Addr().String())
	go func() {
		err := srv.Serve(l)
		if errors.Is(err, http.ErrServerClosed) {
			return
		}
		d.log.Error("serving on the virtio-serial port", "error", err)
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.port == srv {
			d.port, d.failed = nil, err
			close(d.shut)
		}
	}()
}

// track notes when the port is between requests.
func (d *door) track(c net.Conn, state http.ConnState) {
	virtioport.Track(c, state)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.busy = state == http.StateNew || state == http.StateActive
	if !d.busy && !d.wanted {
		go func() { // net/http calls from within the connection that is to be closed
			d.mu.Lock()
			defer d.mu.Unlock()
			d.settle()
		}()
	}
}

// shutdown closes the door and waits until it is, or until ctx ends.
func (d *door) shutdown(ctx context.Context) {
	d.set(false)
	d.mu.Lock()
	shut, open := d.shut, d.port != nil
	d.mu.Unlock()
	if !open {
		return
	}
	select {
	case <-shut:
	case <-ctx.Done():
	}
}

// checks is for health.Monitor: a door that is not wanted is no check.
func (d *door) checks() []api.Check {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.wanted {
		return nil
	}
	c := api.Check{Name: "virtio-serial", OK: d.port != nil}
	if d.failed != nil {
		c.Message = oneLine(d.failed)
	}
	return []api.Check{c}
}

// newHTTPServer has the timeouts that all doors share.
func newHTTPServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: headerTimeout,
		MaxHeaderBytes:    maxHeader,
		ConnContext:       withPeer,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
	}
}

// stopTimeout is what requests under way get when the daemon stops.
const stopTimeout = 5 * time.Second

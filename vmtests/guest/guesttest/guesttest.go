// Package guesttest is a guest's API door without a guest: a socket that
// behaves like QEMU's virtio-serial port.
package guesttest

import (
	"bufio"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"testing"
)

// A Door takes one client at a time. It can be connected to at once, but reads
// nothing until Open.
type Door struct {
	Socket string

	handler http.Handler
	mu      sync.Mutex
	open    chan struct{} // closed while the guest has its side open
	conn    net.Conn
	clients int
}

// New returns a door that is shut, until the test ends.
func New(t *testing.T, handler http.Handler) *Door {
	t.Helper()
	d := &Door{Socket: filepath.Join(t.TempDir(), "api.sock"), handler: handler, open: make(chan struct{})}
	l, err := net.Listen("unix", d.Socket)
	if err != nil {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop); l.Close(); d.Crash() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			d.serve(conn, stop)
		}
	}()
	return d
}

// Open is the guest opening its side.
func (d *Door) Open() {
	d.mu.Lock()
	defer d.mu.Unlock()
	close(d.open)
}

// Crash is the guest going down: its side is shut, what was asked is lost, and
// the client's connection stays as it is.
func (d *Door) Crash() {
	d.mu.Lock()
	defer d.mu.Unlock()
	select {
	case <-d.open:
		d.open = make(chan struct{})
	default:
	}
}

// Clients says how many clients there have been.
func (d *Door) Clients() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.clients
}

func (d *Door) isOpen() chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

func (d *Door) serve(conn net.Conn, stop chan struct{}) {
	defer conn.Close()
	d.mu.Lock()
	d.clients++
	d.mu.Unlock()
	in := bufio.NewReader(conn)
	for {
		select {
		case <-d.isOpen():
		case <-stop:
			return
		}
		req, err := http.ReadRequest(in)
		if err != nil {
			return
		}
		rec := httptest.NewRecorder()
		d.handler.ServeHTTP(rec, req)
		select {
		case <-d.isOpen():
		default:
			continue // crashed: the answer is lost
		}
		res := rec.Result()
		res.ContentLength = int64(rec.Body.Len())
		if res.Write(conn) != nil {
			return
		}
	}
}

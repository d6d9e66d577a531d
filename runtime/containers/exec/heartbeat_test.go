package exec_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// The tests here are about time and run in a bubble of testing/synctest: over
// pipes in memory, with a command in memory.

// memory is a runtime whose one command writes until it is killed.
type memory struct {
	limit   int // messages to write
	started chan struct{}
}

func (m memory) Exec(_ context.Context, _ string, spec exec.Spec) (exec.Process, error) {
	close(m.started)
	return &writing{spec: spec, limit: m.limit, killed: make(chan struct{})}, nil
}

type writing struct {
	spec   exec.Spec
	limit  int
	once   sync.Once
	killed chan struct{}
}

func (w *writing) Stdin() io.WriteCloser                   { return discard{} }
func (w *writing) Resize(context.Context, exec.Size) error { return nil }

func (w *writing) Signal(context.Context, syscall.Signal) error {
	w.once.Do(func() { close(w.killed) })
	return nil
}

func (w *writing) Wait() (int, error) {
	for range w.limit {
		if _, err := w.spec.Stdout.Write([]byte("0123456789")); err != nil {
			break
		}
	}
	if w.limit > 0 {
		return 0, nil
	}
	<-w.killed
	return 137, nil
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }
func (discard) Close() error                { return nil }

// pipes is a listener in memory.
type pipes struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.done:
		return nil, net.ErrClosed
	}
}
func (p *pipes) Close() error   { p.once.Do(func() { close(p.done) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "pipes", Net: "unix"} }

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	p.conns <- buffered(theirs)
	return buffered(ours), nil
}

// conn is a pipe with a buffer, as a socket has one.
type conn struct {
	net.Conn
	queue chan []byte
	done  chan struct{}
	once  sync.Once
}

func buffered(c net.Conn) *conn {
	b := &conn{Conn: c, queue: make(chan []byte, 64), done: make(chan struct{})}
	go b.pump()
	return b
}

// pump empties the buffer, also after Close.
func (c *conn) pump() {
	defer c.Conn.Close()
	for {
		select {
		case p := <-c.queue:
			if _, err := c.Conn.Write(p); err != nil {
				return
			}
		case <-c.done:
			c.SetWriteDeadline(time.Now().Add(time.Second))
			for len(c.queue) > 0 {
				c.Conn.Write(<-c.queue)
			}
			return
		}
	}
}

func (c *conn) Write(p []byte) (int, error) {
	select {
	case c.queue <- bytes.Clone(p):
		return len(p), nil
	case <-c.done:
		return 0, net.ErrClosed
	}
}

func (c *conn) Close() error {
	c.once.Do(func() { close(c.done) })
	return c.SetReadDeadline(time.Unix(1, 0))
}

// bubble serves rt over pipes and returns a client of it.
func bubble(t *testing.T, rt exec.Runtime) (c *exec.Client, p *pipes, wait func()) {
	p = &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
	s := &exec.Server{Runtime: rt, Log: slog.New(slog.DiscardHandler)}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Serve(w, r); err != nil {
			t.Error(err)
		}
	})}
	go srv.Serve(p)
	transport := &http.Transport{DialContext: p.dial}
	t.Cleanup(func() { transport.CloseIdleConnections(); srv.Close() })
	return &exec.Client{HTTP: &http.Client{Transport: transport}, URL: "http://host/exec"}, p, s.Wait
}

// slow is a writer that takes its time at the first write.
type slow struct {
	after time.Duration
	n     int
}

func (s *slow) Write(p []byte) (int, error) {
	if s.n == 0 {
		time.Sleep(s.after)
	}
	s.n += len(p)
	return len(p), nil
}

func TestSlowReaderIsNotGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _, wait := bubble(t, memory{limit: 1000, started: make(chan struct{})})
		out := &slow{after: time.Hour}
		code, err := c.Run(t.Context(), exec.Request{Container: "x", Command: []string{"x"}, Stdout: out, Stderr: io.Discard})
		if err != nil || code != 0 || out.n != 10_000 {
			t.Errorf("Run() = %d, %v, with %d bytes", code, err, out.n)
		}
		wait()
	})
}

func TestSilentClientIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := memory{started: make(chan struct{})}
		_, p, wait := bubble(t, m)
		conn, err := p.dial(t.Context(), "", "")
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		go io.Copy(io.Discard, conn) // it reads and never answers
		if _, err := io.WriteString(conn, handshake); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(masked(`{"Initialize":{"command":["x"],"target":"x"}}`)); err != nil {
			t.Fatal(err)
		}
		<-m.started
		begin := time.Now()
		wait()
		if took := time.Since(begin); took < 10*time.Second || took > 30*time.Second {
			t.Errorf("the command was killed after %v", took)
		}
	})
}

func TestSilentHostIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pipes{conns: make(chan net.Conn), done: make(chan struct{})}
		go func() {
			conn := <-p.conns
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				upgrade(t, w, r)
			})}
			srv.Serve(&one{conn: conn})
		}()
		c := &exec.Client{HTTP: &http.Client{Transport: &http.Transport{DialContext: p.dial}}, URL: "http://host/exec"}
		_, err := c.Run(t.Context(), exec.Request{Container: "x", Command: []string{"x"}, Stdout: io.Discard, Stderr: io.Discard})
		if err == nil || !strings.Contains(err.Error(), "nothing was heard of the host") {
			t.Errorf("Run() = %v", err)
		}
	})
}

// one is a listener with one connection.
type one struct{ conn net.Conn }

func (o *one) Accept() (net.Conn, error) {
	if o.conn == nil {
		return nil, errors.New("no more")
	}
	c := o.conn
	o.conn = nil
	return c, nil
}
func (o *one) Close() error   { return nil }
func (o *one) Addr() net.Addr { return &net.UnixAddr{} }

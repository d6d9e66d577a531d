package tool

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// A Gate is where a tunnel's connections wait until the suite wants something
// of the host beyond.
type Gate struct {
	// Handshake is how long a connection may take to be of use; a host that was
	// reset leaves some that never will.
	Handshake time.Duration

	listener net.Listener
	waiting  chan net.Conn

	mu  sync.Mutex
	all map[net.Conn]bool // that wait
}

// OpenGate listens on this host's loopback.
func OpenGate() (*Gate, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("opening the gate: %w", err)
	}
	g := &Gate{Handshake: 15 * time.Second, listener: l, waiting: make(chan net.Conn, 256), all: map[net.Conn]bool{}}
	go g.accept()
	return g, nil
}

// Port is where it listens.
func (g *Gate) Port() int { return g.listener.Addr().(*net.TCPAddr).Port }

func (g *Gate) accept() {
	for {
		conn, err := g.listener.Accept()
		if err != nil {
			return // closed
		}
		g.mu.Lock()
		g.all[conn] = true
		g.mu.Unlock()
		select {
		case g.waiting <- conn:
		default:
			g.take(conn)
			conn.Close()
		}
	}
}

func (g *Gate) take(conn net.Conn) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.all, conn)
}

// Forget closes what waits: after a reset of the guest nobody is behind it.
func (g *Gate) Forget() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for conn := range g.all {
		conn.Close()
	}
}

// Close ends the gate.
func (g *Gate) Close() error {
	g.Forget()
	return g.listener.Close()
}

// A RefusedError is what the other end could not connect to.
type RefusedError struct{ Reason string }

func (e *RefusedError) Error() string { return "the tunnel's other end: " + e.Reason }

// Dial connects to an address of the host as a program in the tunnel's
// container would. It waits for a tunnel until ctx ends.
func (g *Gate) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	for last := errors.New("no tunnel came"); ; {
		select {
		case conn := <-g.waiting:
			g.take(conn)
			err := g.ask(conn, network+" "+address)
			if err == nil {
				return conn, nil
			}
			conn.Close()
			var refused *RefusedError
			if errors.As(err, &refused) {
				return nil, err
			}
			last = err
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for a tunnel: %w (the last: %w)", context.Cause(ctx), last)
		}
	}
}

func (g *Gate) ask(conn net.Conn, wish string) error {
	if err := conn.SetDeadline(time.Now().Add(g.Handshake)); err != nil {
		return err
	}
	if _, err := fmt.Fprintln(conn, wish); err != nil {
		return err
	}
	answer, err := readLine(conn)
	if err != nil {
		return err
	}
	if reason, ok := strings.CutPrefix(answer, "error: "); ok {
		return &RefusedError{reason}
	}
	if answer != okay {
		return fmt.Errorf("the tunnel answered %q", answer)
	}
	return conn.SetDeadline(time.Time{})
}

// HTTP returns a client of the server at a unix socket of the host.
func (g *Gate) HTTP(socket string) *http.Client {
	return &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) { return g.Dial(ctx, "unix", socket) },
		// A connection of before a reset would be waited on in vain.
		DisableKeepAlives: true,
	}}
}

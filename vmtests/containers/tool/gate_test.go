package tool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/vmtests/containers/tool"
)

// openGate returns a gate and a tunnel to it, which is a process.
func openGate(t *testing.T) *tool.Gate {
	t.Helper()
	g, err := tool.OpenGate()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	startTunnel(t, g)
	return g
}

func startTunnel(t *testing.T, g *tool.Gate) (stop func()) {
	t.Helper()
	cmd := command(t, "tunnel", fmt.Sprintf("127.0.0.1:%d", g.Port()))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	return func() {
		_ = cmd.Process.Kill() // Wait shows whether it has ended
		_ = cmd.Wait()
	}
}

func TestTunnel(t *testing.T) {
	g := openGate(t)
	socket := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %d", r.Method, r.URL.Path, len(b))
	})}
	go server.Serve(l)
	t.Cleanup(func() { server.Close() })
	client := g.HTTP(socket)
	// More requests than connections are parked at a time.
	for i := range 12 {
		res, err := client.Post("http://slipway/x", "text/plain", strings.NewReader(strings.Repeat("x", i*1000)))
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(res.Body)
		res.Body.Close()
		if want := fmt.Sprintf("POST /x %d", i*1000); string(b) != want || err != nil {
			t.Errorf("answer %q, %v, want %q", b, err, want)
		}
	}
}

func TestTunnelPassesOnEnds(t *testing.T) {
	g := openGate(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		b, _ := io.ReadAll(conn) // until we close our side
		fmt.Fprintf(conn, "got %s", b)
	}()
	conn, err := g.Dial(t.Context(), "tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprint(conn, "all")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(conn); string(b) != "got all" || err != nil {
		t.Errorf("answer %q, %v", b, err)
	}
}

func TestGateSaysWhatCannotBeReached(t *testing.T) {
	g := openGate(t)
	_, err := g.Dial(t.Context(), "unix", "/no/such.sock")
	var refused *tool.RefusedError
	if !errors.As(err, &refused) || !strings.Contains(refused.Reason, "no such file") {
		t.Errorf("Dial: %v", err)
	}
	if _, err := g.HTTP("/no/such.sock").Get("http://slipway/"); !errors.As(err, &refused) {
		t.Errorf("Get: %v", err)
	}
}

func TestGateOutlivesTunnels(t *testing.T) {
	g, err := tool.OpenGate()
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := g.Dial(ctx, "unix", "/no/such.sock"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("without a tunnel: %v", err)
	}
	var refused *tool.RefusedError
	for range 2 {
		stop := startTunnel(t, g)
		if _, err := g.Dial(t.Context(), "unix", "/no/such.sock"); !errors.As(err, &refused) {
			t.Errorf("Dial: %v", err)
		}
		stop() // its parked connections are dead now, and the next tunnel's are behind them
	}
	// One that says nothing is given up, as those of a host that was reset.
	g.Handshake = 20 * time.Millisecond
	silent, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", g.Port()))
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	ctx, cancel = context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if _, err := g.Dial(ctx, "unix", "/no/such.sock"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("with a silent one: %v", err)
	}
}

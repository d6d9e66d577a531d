package server

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// serveExec serves the API with exec only and returns its address.
func serveExec(t *testing.T, run *exec.Server, change func(*http.Server)) *httptest.Server {
	t.Helper()
	run.Log = slog.New(slog.DiscardHandler)
	s := &Server{Log: run.Log, More: []Route{execRoute(run)}}
	srv := httptest.NewUnstartedServer(s.Handler())
	l, err := net.Listen("unix", filepath.Join(t.TempDir(), "api.sock"))
	if err != nil {
		t.Fatal(err)
	}
	srv.Listener.Close()
	srv.Listener = l
	srv.Config.ConnContext = withPeer
	if change != nil {
		change(srv.Config)
	}
	srv.Start()
	t.Cleanup(func() { srv.Close(); run.Wait() })
	return srv
}

// dialer reaches a server on a unix socket.
func dialer(srv *httptest.Server) *http.Client {
	return &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", srv.Listener.Addr().String())
	}}}
}

func TestExecThroughTheRouter(t *testing.T) {
	var started string
	srv := serveExec(t, &exec.Server{
		Runtime: &containerstest.Runtime{Containers: []string{"admin"}},
		Started: func(r *http.Request, container, program string) {
			started = container + " " + program + " " + PeerOf(r).Door
		},
	}, nil)
	c := &exec.Client{HTTP: dialer(srv), URL: "http://slipway" + api.PathExec}
	_, err := c.Run(t.Context(), exec.Request{Container: "admin", Command: []string{"/no/such"}, Stdout: io.Discard, Stderr: io.Discard})
	if err == nil || !strings.Contains(err.Error(), "/no/such") || started != "" {
		t.Errorf("Run() = %v, started %q", err, started)
	}
	_, err = c.Run(t.Context(), exec.Request{Container: "none", Command: []string{"x"}, Stdout: io.Discard, Stderr: io.Discard})
	if !errors.Is(err, exec.ErrNotRunning) {
		t.Errorf("Run() = %v, want %v", err, exec.ErrNotRunning)
	}
}

func TestExecRefusals(t *testing.T) {
	upgrade := http.Header{"Connection": {"Upgrade"}, "Upgrade": {"websocket"}}
	tests := []struct {
		name   string
		header http.Header
		limit  int64 // of sessions
		change func(*http.Server)
		want   int
	}{
		{name: "no websocket", want: http.StatusUpgradeRequired},
		{name: "busy", header: upgrade, limit: -1, want: http.StatusTooManyRequests},
		{name: "serial port", header: upgrade, want: http.StatusNotImplemented, change: func(s *http.Server) {
			s.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
				return context.WithValue(ctx, peerKey{}, Peer{Door: doorSerial})
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			srv := serveExec(t, &exec.Server{Sessions: tt.limit}, tt.change)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://slipway"+api.PathExec, nil)
			if err != nil {
				t.Fatal(err)
			}
			for k, v := range tt.header {
				r.Header[k] = v
			}
			res, err := dialer(srv).Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.StatusCode != tt.want || res.Header.Get("Content-Type") != api.ContentTypeProblem {
				t.Errorf("%s, %s, want %d with a problem document", res.Status, res.Header.Get("Content-Type"), tt.want)
			}
		})
	}
}

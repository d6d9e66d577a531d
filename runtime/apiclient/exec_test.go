package apiclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/containers/exec"
	"github.com/slipway-os/slipway/runtime/multicall"
)

// execHost is an API with settings of the admin container and with exec. Its
// commands say what they are and how much input they got; they end with code 5.
type execHost struct {
	settings string // answer to GET /settings
	after    int    // how often the container is not running yet

	mu       sync.Mutex
	asked    int
	requests []string
}

func (h *execHost) start(t *testing.T) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	run := &exec.Server{Runtime: h, Log: slog.New(slog.DiscardHandler)}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/exec" {
			if err := run.Serve(w, r); err != nil {
				t.Error(err)
			}
			return
		}
		b, _ := io.ReadAll(r.Body)
		h.mu.Lock()
		h.requests = append(h.requests, strings.TrimSpace(r.Method+" "+r.URL.Path+" "+string(b)))
		h.mu.Unlock()
		switch r.Method {
		case http.MethodGet:
			io.WriteString(w, h.settings)
		case http.MethodPatch:
			w.WriteHeader(http.StatusNoContent)
		default:
			io.WriteString(w, "[]")
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close(); run.Wait() })
	return socket
}

func (h *execHost) Exec(_ context.Context, container string, spec exec.Spec) (exec.Process, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked++
	if container != "admin" || h.asked <= h.after {
		return nil, fmt.Errorf("%w: %s", exec.ErrNotRunning, container)
	}
	r, w := io.Pipe()
	return &counting{spec: spec, r: r, w: w}, nil
}

type counting struct {
	spec exec.Spec
	r    *io.PipeReader
	w    *io.PipeWriter
}

func (c *counting) Stdin() io.WriteCloser                        { return c.w }
func (c *counting) Resize(context.Context, exec.Size) error      { return nil }
func (c *counting) Signal(context.Context, syscall.Signal) error { return c.r.Close() }

func (c *counting) Wait() (int, error) {
	n, _ := io.Copy(io.Discard, c.r)
	if len(c.spec.Command) == 3 && c.spec.Command[2] == ":" {
		return 0, nil // the probe
	}
	fmt.Fprintf(c.spec.Stdout, "%s, %d bytes, tty %v", c.spec.Command[0], n, c.spec.TTY)
	fmt.Fprint(c.spec.Stderr, "to stderr")
	return 5, nil
}

// call runs apiclient with input.
func call(t *testing.T, socket, input string, args ...string) (out, errs string, err error) {
	t.Helper()
	var o, e bytes.Buffer
	tl := &tool{in: strings.NewReader(input), out: &o, err: &e}
	err = tl.run(t.Context(), append([]string{"--socket", socket}, args...))
	return o.String(), e.String(), err
}

func TestExec(t *testing.T) {
	socket := (&execHost{}).start(t)
	tests := []struct {
		args     []string
		out, err string
	}{
		{[]string{"exec", "admin", "ls", "-l", "--help"}, "ls, 5 bytes, tty false", "exit code 5"},
		{[]string{"exec", "-T", "admin", "ls"}, "ls, 5 bytes, tty false", "exit code 5"},
		{[]string{"exec", "-t", "-T", "admin", "ls"}, "", "exclude each other"},
		{[]string{"exec", "admin"}, "", "wrong usage"},
		{[]string{"exec", "none", "ls"}, "", "container is not running: none"},
	}
	for _, tt := range tests {
		out, errs, err := call(t, socket, "input", tt.args...)
		if out != tt.out || err == nil || !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: stdout %q, %v", tt.args, out, err)
		}
		var code multicall.ExitCode
		if tt.out != "" && (errs != "to stderr" || !errors.As(err, &code) || code != 5) {
			t.Errorf("%q: stderr %q, %v", tt.args, errs, err)
		}
	}
}

const patchOn = `PATCH /settings {"host-containers":{"admin":{"enabled":true}}}`

func TestEnterAdminContainer(t *testing.T) {
	tests := []struct {
		name, settings string
		want           []string // requests that change something
		err            string
	}{
		{"off", `{"host-containers":{"admin":{"enabled":false,"source":"r.invalid/admin:1"}}}`, []string{patchOn, "POST /tx/commit_and_apply"}, "exit code 5"},
		{"on", `{"host-containers":{"admin":{"enabled":true,"source":"r.invalid/admin:1"}}}`, nil, "exit code 5"},
		{"no image", `{"host-containers":{"admin":{"enabled":false}}}`, nil, "settings.host-containers.admin.source is not set"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := &execHost{settings: tt.settings}
			out, _, err := call(t, h.start(t), "typed", "enter-admin-container")
			if err == nil || !strings.Contains(err.Error(), tt.err) {
				t.Errorf("got %v, want %q", err, tt.err)
			}
			if strings.Contains(tt.err, "exit") && out != "/bin/sh, 5 bytes, tty false" {
				t.Errorf("output %q", out)
			}
			if diff := cmp.Diff(tt.want, h.requests[1:], cmp.Transformer("all", func(s []string) string { return strings.Join(s, "\n") })); diff != "" {
				t.Errorf("requests (-want +got):\n%s", diff)
			}
		})
	}
}

func TestEnterWaitsForTheContainer(t *testing.T) {
	h := &execHost{after: 3}
	var out, errs bytes.Buffer
	tl := &tool{in: strings.NewReader("typed"), out: &out, err: &errs, socket: h.start(t)}
	code, err := tl.enter(t.Context(), 1)
	if err != nil || code != 5 || out.String() != "/bin/sh, 5 bytes, tty false" {
		t.Errorf("enter() = %d, %v, %q", code, err, &out)
	}
	if n := strings.Count(errs.String(), "waiting for the admin container"); n != 1 {
		t.Errorf("stderr %q", &errs)
	}
}

func TestDisableAdminContainer(t *testing.T) {
	h := &execHost{}
	if _, _, err := call(t, h.start(t), "", "disable-admin-container"); err != nil {
		t.Fatal(err)
	}
	want := []string{`PATCH /settings {"host-containers":{"admin":{"enabled":false}}}`, "POST /tx/commit_and_apply"}
	if diff := cmp.Diff(want, h.requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

package fleetlock_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/update/fleetlock"
)

const machine = "c988d2509fdf4cdcbed39037c56406fb"

func TestRequests(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		got = append(got, r.Method+" "+r.URL.Path+" "+r.Header.Get("fleet-lock-protocol")+" "+string(body))
	}))
	defer server.Close()
	c := &fleetlock.Client{HTTP: server.Client(), URL: server.URL + "/base/", ID: "host-1", Group: "workers"}
	if err := c.Lock(t.Context()); err != nil {
		t.Error(err)
	}
	if err := c.Unlock(t.Context()); err != nil {
		t.Error(err)
	}
	const body = `{"client_params":{"id":"host-1","group":"workers"}}`
	want := []string{"POST /base/v1/pre-reboot true " + body, "POST /base/v1/steady-state true " + body}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		name, answer, want string
		status             int
	}{
		{"full", `{"kind":"failed_lock_semaphore_full","value":"all slots are locked"}`, "all slots are locked (failed_lock_semaphore_full)", 409},
		{"no document", "<html>", "HTTP status 404", 404},
		{"accepted is not granted", "", "HTTP status 202", 202},
		{"cursor", `{"kind":"k","value":"a\u001b[2J\nb"}`, "a [2J b (k)", 500},
		{"long", `{"kind":"k","value":"` + strings.Repeat("é", 500) + `"}`, strings.Repeat("é", 100) + "… (k)", 500},
	} {
		t.Run(tt.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				io.WriteString(w, tt.answer)
			}))
			defer server.Close()
			err := (&fleetlock.Client{HTTP: server.Client(), URL: server.URL, ID: "x", Group: "g"}).Lock(t.Context())
			if !errors.Is(err, fleetlock.ErrRefused) || !strings.HasSuffix(err.Error(), ": "+tt.want) {
				t.Errorf("error is %v, want ErrRefused and %q", err, tt.want)
			}
		})
	}
}

func TestNoServer(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := (&fleetlock.Client{HTTP: http.DefaultClient, URL: "http://127.0.0.1:1"}).Lock(ctx)
	if err == nil || errors.Is(err, fleetlock.ErrRefused) {
		t.Errorf("error is %v, want one that is no refusal", err)
	}
}

func TestID(t *testing.T) {
	id, err := fleetlock.ID(machine + "\n")
	if err != nil || len(id) != 32 || id == machine {
		t.Errorf("ID is %q, %v", id, err)
	}
	if again, _ := fleetlock.ID(machine); again != id {
		t.Errorf("ID changed from %s to %s", id, again)
	}
	for _, bad := range []string{"", "uninitialized", machine[1:], machine + "00"} {
		if _, err := fleetlock.ID(bad); err == nil {
			t.Errorf("ID(%q): no error", bad)
		}
	}
}

package guest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/guest/guesttest"
)

func document(status int, v any) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		json.NewEncoder(w).Encode(v)
	}
}

func limit(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

func TestClientWaitsForTheDoor(t *testing.T) {
	mux := http.NewServeMux()
	mux.Handle("GET /os", document(200, api.OS{Slot: "A"}))
	mux.Handle("GET /health", document(503, api.Health{Status: api.Starting}))
	mux.HandleFunc("GET /journal", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte(r.URL.RawQuery))
	})
	mux.HandleFunc("POST /actions/reboot", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(202) })
	door := guesttest.New(t, mux)
	c := New(door.Socket)
	time.AfterFunc(50*time.Millisecond, door.Open)
	ctx := limit(t, 20*time.Second)
	if os, err := c.OS(ctx); err != nil || os.Slot != "A" {
		t.Errorf("OS: %+v, %v", os, err)
	}
	if h, err := c.Health(ctx); err != nil || h.Status != api.Starting {
		t.Errorf("Health: %+v, %v", h, err)
	}
	if j, err := c.Journal(ctx, -1); err != nil || string(j) != "boot=-1&follow=false" {
		t.Errorf("Journal: %q, %v", j, err)
	}
	if err := c.Reboot(ctx); err != nil {
		t.Errorf("Reboot: %v", err)
	}
	if n := door.Clients(); n != 1 {
		t.Errorf("%d conversations, want 1: nothing was slow", n)
	}
}

func TestClientAsksAgain(t *testing.T) {
	var door *guesttest.Door
	asked := 0
	door = guesttest.New(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			door.Crash()
			time.AfterFunc(20*time.Millisecond, door.Open)
		}
		w.Write([]byte(`{"slot":"B"}`))
	}))
	door.Open()
	c := New(door.Socket)
	c.Attempt, c.Pause = 200*time.Millisecond, time.Millisecond
	if os, err := c.OS(limit(t, 20*time.Second)); err != nil || os.Slot != "B" {
		t.Errorf("OS: %+v, %v", os, err)
	}
	if asked < 2 {
		t.Errorf("asked %d times", asked)
	}
}

// Firmware opens the door, takes the question and shuts the door again.
func TestClientLost(t *testing.T) {
	var door *guesttest.Door
	taken := make(chan struct{}, 1)
	asked := 0
	door = guesttest.New(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; asked == 1 {
			door.Crash()
			taken <- struct{}{}
			return
		}
		w.Write([]byte(`{"slot":"B"}`))
	}))
	door.Open()
	c := New(door.Socket)
	c.Attempt, c.Pause = time.Hour, time.Millisecond
	go func() { <-taken; c.Lost(); door.Open() }()
	if os, err := c.OS(limit(t, 20*time.Second)); err != nil || os.Slot != "B" {
		t.Errorf("OS: %+v, %v", os, err)
	}
}

func TestClientGivesUp(t *testing.T) {
	door := guesttest.New(t, http.NotFoundHandler())
	c := New(door.Socket)
	c.Attempt, c.Pause = 20*time.Millisecond, time.Millisecond
	_, err := c.Health(limit(t, 100*time.Millisecond))
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), " attempts: asking for /health: ") {
		t.Errorf("a shut door: %v", err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("QEMU has exited"))
	if _, err := c.Health(ctx); err == nil || !strings.HasPrefix(err.Error(), "1 attempts: ") || !strings.Contains(err.Error(), "QEMU has exited") {
		t.Errorf("machine is gone: %v", err)
	}
	door.Open()
	_, err = c.Health(limit(t, 20*time.Second))
	var refused *RefusedError
	if !errors.As(err, &refused) || refused.Status != 404 {
		t.Errorf("a refusal: %v, want it at once", err)
	}
}

func TestClientJudgesAnswers(t *testing.T) {
	door := guesttest.New(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			http.Error(w, "busy", http.StatusConflict)
			return
		}
		w.Write([]byte("<html>"))
	}))
	door.Open()
	c := New(door.Socket)
	_, err := c.OS(limit(t, 20*time.Second))
	if err == nil || !strings.HasPrefix(err.Error(), "reading the answer to GET /os: invalid character '<'") {
		t.Errorf("OS: %v", err)
	}
	if err := c.Reboot(t.Context()); err == nil || err.Error() != "POST /actions/reboot: HTTP status 409: busy\n" {
		t.Errorf("Reboot: %v", err)
	}
}

func TestParseJournal(t *testing.T) {
	got, err := ParseJournal([]byte(`{"MESSAGE":"Linux version","_TRANSPORT":"kernel","_BOOT_ID":"ab"}

{"MESSAGE":[104,105,255],"_SYSTEMD_UNIT":"init.scope","UNIT":"x.service","SYSLOG_IDENTIFIER":["systemd","other"]}
{"MESSAGE":null,"_SYSTEMD_UNIT":"y.service"}
`))
	want := []Entry{
		{Message: "Linux version", Transport: "kernel", BootID: "ab"},
		{Message: "hi\xff", Unit: "x.service", Identifier: "systemd"},
		{Unit: "y.service"},
	}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("(-want +got):\n%s%v", d, err)
	}
	if _, err := ParseJournal([]byte("{}\n{")); err == nil || !strings.HasPrefix(err.Error(), "journal, line 2: ") {
		t.Errorf("torn: %v", err)
	}
}

func FuzzParseJournal(f *testing.F) {
	f.Add([]byte(`{"MESSAGE":[1,2],"UNIT":["a",["b"]]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		ParseJournal(data) // must not panic, whatever a guest says
	})
}

package qemu

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/vmtests/qemu/qmptest"
)

// newMonitor connects a monitor to a fake server, which is ended by stop.
func newMonitor(t *testing.T, do func(string, map[string]any) (any, error)) (m *Monitor, server *qmptest.Server, stop func()) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "qmp.sock")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server = &qmptest.Server{Do: do}
	conns := make(chan net.Conn, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			conns <- c
			server.Serve(c)
		}
	}()
	m, err = dialMonitor(t.Context(), path, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	conn := <-conns
	t.Cleanup(func() { m.close(); conn.Close(); l.Close() })
	return m, server, func() { conn.Close() }
}

func TestDo(t *testing.T) {
	m, _, _ := newMonitor(t, func(command string, args map[string]any) (any, error) {
		switch command {
		case "human-monitor-command":
			return "CPU#0 " + args["command-line"].(string), nil
		case "screendump":
			return nil, errors.New("no display")
		}
		return struct{}{}, nil
	})
	if got, err := m.Registers(t.Context()); err != nil || got != "CPU#0 info registers -a" {
		t.Errorf("Registers: %q, %v", got, err)
	}
	err := m.Screenshot(t.Context(), "/x.png")
	if err == nil || err.Error() != "monitor command screendump: no display" {
		t.Errorf("Screenshot: %v", err)
	}
	var number int
	if err := m.Do(t.Context(), "query-x", nil, &number); err == nil || !strings.HasPrefix(err.Error(), "reading what query-x returned: ") {
		t.Errorf("result of another kind: %v", err)
	}
}

func TestDoEnds(t *testing.T) {
	release := make(chan struct{})
	defer close(release)
	m, _, stop := newMonitor(t, func(string, map[string]any) (any, error) { <-release; return nil, nil })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := m.Do(ctx, "query-x", nil, nil); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("silent QEMU: %v", err)
	}
	stop()
	if err := m.Do(t.Context(), "query-x", nil, nil); err == nil {
		t.Error("dead QEMU: no error")
	}
}

func TestAwait(t *testing.T) {
	m, server, _ := newMonitor(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	isReset := func(e Event) bool { return e.Name == "RESET" }
	server.Emit("RESET", map[string]any{"reason": "first"})
	_, next, err := m.Await(ctx, 0, "a reset", isReset)
	if err != nil {
		t.Fatal(err)
	}
	server.Emit("NIC_RX_FILTER_CHANGED", nil)
	server.Emit("RESET", map[string]any{"reason": "second"})
	e, _, err := m.Await(ctx, next, "a reset", isReset)
	if err != nil || e.String() != `RESET {"reason":"second"}` {
		t.Errorf("Await: %v, %v", e, err)
	}
	short, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, _, err = m.Await(short, 3, "a third reset", isReset)
	if err == nil || err.Error() != `waiting for a third reset: context deadline exceeded; last event: RESET {"reason":"second"}` {
		t.Errorf("Await: %v", err)
	}
}

func TestDoorOpen(t *testing.T) {
	m, server, _ := newMonitor(t, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	for i, tc := range []struct {
		id   string
		open bool
		want bool
	}{
		{"other", true, false}, {"door", true, true}, {"other", false, true}, {"door", false, false}, {"door", true, true},
	} {
		server.Emit("VSERPORT_CHANGE", map[string]any{"id": tc.id, "open": tc.open})
		if _, _, err := m.Await(ctx, i, "an event", func(Event) bool { return true }); err != nil {
			t.Fatal(err)
		}
		if got := m.DoorOpen(); got != tc.want {
			t.Errorf("after %v of %s: open is %v", tc.open, tc.id, got)
		}
	}
}

func TestMemory(t *testing.T) {
	asked := 0
	m, _, _ := newMonitor(t, func(command string, args map[string]any) (any, error) {
		if args["path"] != "/machine/peripheral/balloon" {
			return nil, errors.New("no such object")
		}
		if command != "qom-get" {
			return struct{}{}, nil
		}
		asked++
		if asked == 1 { // the guest has said nothing; QEMU shows 2^64-1
			return map[string]any{"last-update": 0, "stats": map[string]uint64{"stat-total-memory": 1<<64 - 1}}, nil
		}
		return map[string]any{"last-update": time.Now().Unix(), "stats": map[string]uint64{
			"stat-total-memory": 1000, "stat-available-memory": 940, "stat-free-memory": 900, "stat-disk-caches": 30,
		}}, nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	got, err := m.Memory(ctx)
	if err != nil || got.Used() != 60 || got.Free != 900 || asked != 2 {
		t.Errorf("Memory: %+v, %v after %d questions", got, err, asked)
	}
}

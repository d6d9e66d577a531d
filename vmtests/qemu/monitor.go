package qemu

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/digitalocean/go-qemu/qmp"
)

// doorID is the API door's name in events of the monitor.
const doorID = "door"

// An Event is something that the monitor reported.
type Event struct {
	Time time.Time
	Name string // of QMP, such as RESET
	Data map[string]any
}

// String reads "RESET guest=true reason=guest-reset".
func (e Event) String() string {
	data, _ := json.Marshal(e.Data) // decoded from JSON before
	if len(e.Data) == 0 {
		return e.Name
	}
	return e.Name + " " + string(data)
}

// A Monitor speaks QMP with one QEMU.
type Monitor struct {
	socket *qmp.SocketMonitor

	mu      sync.Mutex
	events  []Event
	changed chan struct{} // closed and replaced at each event
}

// dialMonitor connects to a QMP socket. Each event is also given to note.
func dialMonitor(ctx context.Context, path string, note func(Event)) (*Monitor, error) {
	socket, err := qmp.NewSocketMonitor("unix", path, 5*time.Second)
	if err != nil {
		return nil, fmt.Errorf("connecting to the monitor: %w", err)
	}
	m := &Monitor{socket: socket, changed: make(chan struct{})}
	if err := m.within(ctx, socket.Connect); err != nil {
		return nil, fmt.Errorf("greeting the monitor: %w", err)
	}
	events, err := socket.Events(ctx)
	if err != nil {
		return nil, fmt.Errorf("listening to the monitor: %w", err)
	}
	// The library stands still when nobody takes its events, so take them all.
	go func() {
		for e := range events {
			event := Event{Time: time.Now(), Name: e.Event, Data: e.Data}
			note(event) // first: who waits for it may rely on that
			m.add(event)
		}
	}()
	return m, nil
}

// within runs f, which knows no context, until ctx ends; then the connection
// is given up.
func (m *Monitor) within(ctx context.Context, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		m.socket.Disconnect()
		return context.Cause(ctx)
	}
}

func (m *Monitor) add(e Event) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.events = append(m.events, e)
	close(m.changed)
	m.changed = make(chan struct{})
}

// Do runs one command and decodes what it returns into result, unless that is
// nil.
func (m *Monitor) Do(ctx context.Context, command string, arguments, result any) error {
	request, err := json.Marshal(qmp.Command{Execute: command, Args: arguments})
	if err != nil {
		return fmt.Errorf("encoding %s: %w", command, err)
	}
	var answer []byte
	err = m.within(ctx, func() (err error) {
		answer, err = m.socket.Run(request)
		return err
	})
	if err != nil {
		return fmt.Errorf("monitor command %s: %w", command, err)
	}
	if result == nil {
		return nil
	}
	if err := json.Unmarshal(answer, &struct {
		Return any `json:"return"`
	}{result}); err != nil {
		return fmt.Errorf("reading what %s returned: %w", command, err)
	}
	return nil
}

// Events returns what was reported so far.
func (m *Monitor) Events() []Event {
	m.mu.Lock()
	defer m.mu.Unlock()
	return append([]Event(nil), m.events...)
}

// Await returns the first event, counted from the from-th on, that match
// accepts, and the number of the one after it. what is for the error.
func (m *Monitor) Await(ctx context.Context, from int, what string, match func(Event) bool) (Event, int, error) {
	for at := from; ; {
		m.mu.Lock()
		events, changed := m.events, m.changed
		m.mu.Unlock()
		for ; at < len(events); at++ {
			if match(events[at]) {
				return events[at], at + 1, nil
			}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			last := "none"
			if len(events) > 0 {
				last = events[len(events)-1].String()
			}
			return Event{}, at, fmt.Errorf("waiting for %s: %w; last event: %s", what, context.Cause(ctx), last)
		}
	}
}

// DoorChange says whether an event is the guest opening or shutting its side
// of the API door, and which. Not only the operating system does so: OVMF's
// driver for virtio-serial opens it, too, and shuts it when a kernel starts.
func (e Event) DoorChange() (open, ok bool) {
	if e.Name != "VSERPORT_CHANGE" || e.Data["id"] != doorID {
		return false, false
	}
	return e.Data["open"] == true, true
}

// DoorOpen says whether the guest's side of the API door is open.
func (m *Monitor) DoorOpen() bool {
	now := false
	for _, e := range m.Events() {
		if open, ok := e.DoorChange(); ok {
			now = open
		}
	}
	return now
}

// Screenshot writes what the display shows to path, a PNG.
func (m *Monitor) Screenshot(ctx context.Context, path string) error {
	return m.Do(ctx, "screendump", map[string]any{"filename": path, "format": "png"}, nil)
}

// Registers returns the registers of every processor as text.
func (m *Monitor) Registers(ctx context.Context) (string, error) {
	var text string
	err := m.Do(ctx, "human-monitor-command", map[string]any{"command-line": "info registers -a"}, &text)
	return text, err
}

func (m *Monitor) close() { m.socket.Disconnect() }

package qemutest

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/slipway-os/slipway/vmtests/qemu/qmptest"
)

// machine is what runs in QEMU's place.
type machine struct {
	disk    string // holds a byte for each boot
	does    string
	console *os.File
	monitor *qmptest.Server
	quit    chan struct{}
	reset   chan struct{}
}

// system is QEMU. Its descriptors are those of package qemu: 3 the monitor, 4
// the door, 5 the console.
func system(args []string) int {
	m := &machine{does: os.Getenv(Env), console: os.NewFile(5, "console"), quit: make(chan struct{}), reset: make(chan struct{}, 1)}
	if m.does == Refuses {
		fmt.Fprintln(os.Stderr, "qemu: cannot set up guest memory")
		return 1
	}
	if f := regexp.MustCompile(`id=disk,.*file=(\S+\.qcow2)`).FindStringSubmatch(strings.Join(args, " ")); f != nil {
		m.disk = f[1]
	}
	greeted := make(chan struct{})
	m.monitor = &qmptest.Server{Do: m.command, Negotiated: func() { close(greeted) }}
	if err := m.serve(3, func(c net.Conn) { m.monitor.Serve(c) }); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	select {
	case <-greeted:
	case <-time.After(time.Minute):
		return 3
	}
	go m.run()
	select {
	case <-m.quit:
		return 0
	case <-time.After(time.Minute):
		return 3
	}
}

// serve takes one connection after the other from a listening descriptor.
func (m *machine) serve(fd uintptr, handle func(net.Conn)) error {
	l, err := net.FileListener(os.NewFile(fd, "listener"))
	if err != nil {
		return err
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			handle(c)
			c.Close()
		}
	}()
	return nil
}

func (m *machine) command(command string, args map[string]any) (any, error) {
	switch command {
	case "quit":
		close(m.quit)
	case "human-monitor-command":
		return "CPU#0", nil
	case "screendump":
		return struct{}{}, os.WriteFile(args["filename"].(string), []byte("PNG"), 0o600)
	}
	return struct{}{}, nil
}

// run boots until the process ends. Like OVMF it opens the door before the
// operating system is there, and shuts it again.
func (m *machine) run() {
	// No guest does anything in the moment in which QEMU starts, which is well:
	// the monitor's library loses events that come right behind the greeting.
	time.Sleep(100 * time.Millisecond)
	io.WriteString(m.console, "BdsDxe: starting\r\n")
	m.monitor.Emit("VSERPORT_CHANGE", map[string]any{"id": "door", "open": true})
	m.monitor.Emit("VSERPORT_CHANGE", map[string]any{"id": "door", "open": false})
	switch m.does {
	case Panics:
		io.WriteString(m.console, "Kernel panic - not syncing: no root\r\n")
		return
	case Hangs:
		return
	}
	m.serve(4, m.door)
	for {
		m.monitor.Emit("VSERPORT_CHANGE", map[string]any{"id": "door", "open": true})
		fmt.Fprintf(m.console, "slipway: ready variant=base version=0.1.0 slot=A boot=%d\r\n", m.countBoot())
		<-m.reset
		m.monitor.Emit("VSERPORT_CHANGE", map[string]any{"id": "door", "open": false})
		m.monitor.Emit("RESET", map[string]any{"guest": true, "reason": "guest-reset"})
		time.Sleep(200 * time.Millisecond) // the firmware
	}
}

func (m *machine) countBoot() int {
	data, _ := os.ReadFile(m.disk)
	data = append(data, '.')
	os.WriteFile(m.disk, data, 0o600)
	return len(data)
}

// door is the host's API on one conversation.
func (m *machine) door(c net.Conn) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"status":"good"}`) })
	mux.HandleFunc("GET /journal", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `{"MESSAGE":"x"}`+"\n") })
	mux.HandleFunc("POST /actions/reboot", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusAccepted)
		m.reset <- struct{}{}
	})
	done := make(chan struct{})
	server := &http.Server{Handler: mux, ConnState: func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			close(done)
		}
	}}
	server.Serve(&oneConn{c: c, done: done})
}

// oneConn is a listener with one connection, until that is closed.
type oneConn struct {
	c    net.Conn
	done chan struct{}
}

func (o *oneConn) Accept() (net.Conn, error) {
	if c := o.c; c != nil {
		o.c = nil
		return c, nil
	}
	<-o.done
	return nil, io.EOF
}

func (o *oneConn) Close() error   { return nil }
func (o *oneConn) Addr() net.Addr { return &net.UnixAddr{} }

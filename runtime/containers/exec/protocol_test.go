package exec_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/coder/websocket"

	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// dial opens a websocket as a client of Bottlerocket does: without a subprotocol.
func dial(t *testing.T, c *exec.Client) *websocket.Conn {
	t.Helper()
	conn, _, err := websocket.Dial(t.Context(), c.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.CloseNow() })
	conn.SetReadLimit(1 << 20)
	return conn
}

func text(t *testing.T, conn *websocket.Conn, format string, args ...any) {
	t.Helper()
	if err := conn.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		t.Fatal(err)
	}
}

// words encodes a command as Rust's serde does an OsString.
func words(t *testing.T, command []string) string {
	t.Helper()
	var list []map[string][]int
	for _, w := range command {
		var codes []int
		for _, b := range []byte(w) {
			codes = append(codes, int(b))
		}
		list = append(list, map[string][]int{"Unix": codes})
	}
	b, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// rest reads to the end: the output, text messages, and how it was closed.
func rest(t *testing.T, conn *websocket.Conn) (out []byte, texts []string, closed websocket.CloseError) {
	t.Helper()
	for {
		kind, b, err := conn.Read(t.Context())
		if errors.As(err, &closed) {
			return out, texts, closed
		}
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.MessageText {
			texts = append(texts, string(b))
		} else {
			out = append(out, b...)
		}
	}
}

func TestBottlerocketClient(t *testing.T) {
	c, _ := setup(t, nil)
	conn := dial(t, c)
	text(t, conn, `{"Initialize":{"command":%s,"target":"admin","tty":null}}`, words(t, command(t, "say", "out", "err", "4")))
	out, texts, closed := rest(t, conn)
	if len(out) != 6 || !bytes.Contains(out, []byte("out")) || !bytes.Contains(out, []byte("err")) {
		t.Errorf("output %q, want out and err in any order", out)
	}
	if closed.Code != websocket.StatusNormalClosure || closed.Reason != "4" {
		t.Errorf("closed with %v", closed)
	}
	if len(texts) == 0 || texts[0] != `{"Capacity":{"max_messages_outstanding":64,"messages_written":0}}` {
		t.Errorf("messages %q", texts)
	}
}

func TestBottlerocketTerminal(t *testing.T) {
	c, _ := setup(t, nil)
	conn := dial(t, c)
	text(t, conn, `{"Initialize":{"command":%s,"target":"admin","tty":{"size":{"rows":24,"cols":80}}}}`, words(t, command(t, "size")))
	var seen []byte
	for !bytes.Contains(seen, []byte("24x80")) {
		kind, b, err := conn.Read(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if kind == websocket.MessageBinary {
			seen = append(seen, b...)
		}
	}
	text(t, conn, `{"Winch":{"rows":50,"cols":90}}`)
	out, _, closed := rest(t, conn)
	if !bytes.Contains(out, []byte("50x90")) || closed.Reason != "0" {
		t.Errorf("output %q, closed with %v", out, closed)
	}
}

func TestBottlerocketInput(t *testing.T) {
	c, _ := setup(t, nil)
	conn := dial(t, c)
	text(t, conn, `{"Initialize":{"command":%s,"target":"admin","tty":null}}`, words(t, command(t, "cat")))
	for range 40 {
		if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("0123456789")); err != nil {
			t.Fatal(err)
		}
	}
	text(t, conn, `"ContentComplete"`)
	out, texts, closed := rest(t, conn)
	if len(out) != 400 || closed.Reason != "0" {
		t.Errorf("%d bytes came back, closed with %v", len(out), closed)
	}
	want := `{"Capacity":{"max_messages_outstanding":64,"messages_written":32}}`
	if len(texts) != 3 || texts[2] != want {
		t.Errorf("messages %q, want the third to be %s", texts, want)
	}
}

func TestMistakesOfClients(t *testing.T) {
	start := func(t *testing.T, conn *websocket.Conn) {
		text(t, conn, `{"Initialize":{"command":%s,"target":"admin","tty":null}}`, words(t, command(t, "deaf")))
	}
	tests := []struct {
		name string
		do   func(t *testing.T, conn *websocket.Conn)
		want websocket.StatusCode
	}{
		{"data first", func(t *testing.T, conn *websocket.Conn) {
			if err := conn.Write(t.Context(), websocket.MessageBinary, []byte("x")); err != nil {
				t.Fatal(err)
			}
		}, websocket.StatusPolicyViolation},
		{"size first", func(t *testing.T, conn *websocket.Conn) { text(t, conn, `{"Winch":{"rows":1,"cols":1}}`) }, websocket.StatusPolicyViolation},
		{"no JSON", func(t *testing.T, conn *websocket.Conn) { text(t, conn, `{`) }, websocket.StatusInvalidFramePayloadData},
		{"two parts", func(t *testing.T, conn *websocket.Conn) {
			text(t, conn, `{"Winch":{"rows":1,"cols":1},"Signal":"HUP"}`)
		}, websocket.StatusInvalidFramePayloadData},
		{"twice", func(t *testing.T, conn *websocket.Conn) { start(t, conn); start(t, conn) }, websocket.StatusPolicyViolation},
		{"no such signal", func(t *testing.T, conn *websocket.Conn) {
			start(t, conn)
			text(t, conn, `{"Signal":"SEGV"}`)
		}, websocket.StatusInvalidFramePayloadData},
		{"no such container", func(t *testing.T, conn *websocket.Conn) {
			text(t, conn, `{"Initialize":{"command":["sh"],"target":"none"}}`)
		}, exec.StatusNotRunning},
		{"more input than allowed", func(t *testing.T, conn *websocket.Conn) {
			start(t, conn)
			for range 200 { // the pipe to the command takes some
				if conn.Write(t.Context(), websocket.MessageBinary, make([]byte, 32<<10)) != nil {
					return // closed already
				}
			}
		}, websocket.StatusMessageTooBig},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, rt := setup(t, func(s *exec.Server) { s.Grace = 1 })
			conn := dial(t, c)
			tt.do(t, conn)
			if _, _, closed := rest(t, conn); closed.Code != tt.want {
				t.Errorf("closed with %v, want %d", closed, tt.want)
			}
			if err := rt.AwaitRunning(t.Context(), 0); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestServerStops(t *testing.T) {
	rt := &containerstest.Runtime{Containers: []string{"admin"}}
	s := &exec.Server{Runtime: rt, Log: slog.New(slog.DiscardHandler), Grace: 1}
	base, stop := context.WithCancel(t.Context())
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _ = s.Serve(w, r) }))
	srv.Config.BaseContext = func(net.Listener) context.Context { return base }
	srv.Start()
	defer srv.Close()
	conn := dial(t, &exec.Client{URL: srv.URL})
	text(t, conn, `{"Initialize":{"command":%s,"target":"admin","tty":null}}`, words(t, command(t, "deaf")))
	if err := rt.AwaitRunning(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	stop()
	if _, _, closed := rest(t, conn); closed.Code != websocket.StatusGoingAway {
		t.Errorf("closed with %v, want %d", closed, websocket.StatusGoingAway)
	}
	s.Wait()
	if n := rt.Running(); n != 0 {
		t.Errorf("%d commands run", n)
	}
}

package exec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/coder/websocket"
)

// Subprotocol is what a client asks for and a server grants in
// Sec-WebSocket-Protocol to have stderr apart from stdout, flow control of the
// output, and signals. Without it both sides speak Bottlerocket's protocol.
const Subprotocol = "slipway.exec.v1"

// StatusNotRunning closes the websocket if there is no such running container.
const StatusNotRunning websocket.StatusCode = 4404

// Sizes of what goes over the websocket.
const (
	maxMessage     = 64 << 10 // bytes of one message, in both directions
	maxChunk       = 32 << 10 // bytes of input or output that we put into one
	maxOutstanding = 64       // messages that were sent and are not written yet
	updateInterval = 16       // messages after which the other side is told
)

// Streams are the first byte of an output message under Subprotocol.
const (
	streamStdout byte = 1
	streamStderr byte = 2
)

// message is a text message; exactly one field is set.
type message struct {
	// From the client.
	Initialize      *initialize
	ContentComplete bool // no more input
	Winch           *Size
	Signal          string // name without SIG; under Subprotocol only
	// From the server; under Subprotocol from both sides.
	Capacity *capacity
}

// initialize is the client's first message.
type initialize struct {
	Command []argument `json:"command"`
	Target  string     `json:"target"` // name of the container
	TTY     *ttyInit   `json:"tty"`    // null: no terminal
	Term    string     `json:"term,omitempty"`
}

type ttyInit struct {
	Size *Size `json:"size"`
}

// capacity says how much its sender takes before it has written some of it.
type capacity struct {
	MaxOutstanding uint64 `json:"max_messages_outstanding"`
	Written        uint64 `json:"messages_written"`
}

// argument is a word of a command. Bottlerocket sends it as {"Unix":[bytes]},
// and so do we; a plain string is understood as well.
type argument string

func (a argument) MarshalJSON() ([]byte, error) {
	codes := make([]int, len(a))
	for i := range len(a) {
		codes[i] = int(a[i])
	}
	return json.Marshal(map[string][]int{"Unix": codes})
}

func (a *argument) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, (*string)(a))
	}
	var v struct{ Unix []uint16 }
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	word := make([]byte, len(v.Unix))
	for i, c := range v.Unix {
		if c > 0xff {
			return fmt.Errorf("%d is no byte", c)
		}
		word[i] = byte(c)
	}
	*a = argument(word)
	return nil
}

// contentComplete is the one message that is no object.
const contentComplete = `"ContentComplete"`

func (m message) MarshalJSON() ([]byte, error) {
	switch {
	case m.Initialize != nil:
		return json.Marshal(map[string]any{"Initialize": m.Initialize})
	case m.Winch != nil:
		return json.Marshal(map[string]any{"Winch": m.Winch})
	case m.Signal != "":
		return json.Marshal(map[string]any{"Signal": m.Signal})
	case m.Capacity != nil:
		return json.Marshal(map[string]any{"Capacity": m.Capacity})
	case m.ContentComplete:
		return []byte(contentComplete), nil
	}
	return nil, errors.New("the message is empty")
}

func (m *message) UnmarshalJSON(b []byte) error {
	*m = message{}
	if string(bytes.TrimSpace(b)) == contentComplete {
		m.ContentComplete = true
		return nil
	}
	var v struct {
		Initialize *initialize
		Winch      *Size
		Signal     *string
		Capacity   *capacity
	}
	if err := json.Unmarshal(b, &v); err != nil {
		return err
	}
	set := 0
	for _, is := range []bool{v.Initialize != nil, v.Winch != nil, v.Signal != nil, v.Capacity != nil} {
		if is {
			set++
		}
	}
	if set != 1 {
		return fmt.Errorf("a message has one part, this one has %d", set)
	}
	m.Initialize, m.Winch, m.Capacity = v.Initialize, v.Winch, v.Capacity
	if v.Signal != nil {
		if _, ok := signals[*v.Signal]; !ok {
			return fmt.Errorf("there is no signal %q to send", *v.Signal)
		}
		m.Signal = *v.Signal
	}
	return m.check()
}

// check finds what must not reach the runtime.
func (m message) check() error {
	i := m.Initialize
	switch {
	case i == nil:
		return nil
	case len(i.Command) == 0 || i.Command[0] == "":
		return errors.New("the command is empty")
	case i.Target == "":
		return errors.New("no container is named")
	}
	if slices.ContainsFunc(i.Command, func(a argument) bool { return bytes.IndexByte([]byte(a), 0) >= 0 }) {
		return errors.New("the command has a NUL byte")
	}
	return nil
}

// signals are those that a client may send.
var signals = map[string]syscall.Signal{
	"HUP": syscall.SIGHUP, "INT": syscall.SIGINT, "QUIT": syscall.SIGQUIT, "TERM": syscall.SIGTERM,
	"KILL": syscall.SIGKILL, "USR1": syscall.SIGUSR1, "USR2": syscall.SIGUSR2,
	"TSTP": syscall.SIGTSTP, "CONT": syscall.SIGCONT,
}

// signalName is the inverse of signals; "" for what cannot be sent.
func signalName(sig syscall.Signal) string {
	for name, s := range signals {
		if s == sig {
			return name
		}
	}
	return ""
}

package exec

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

// A Client runs commands in containers of a host.
type Client struct {
	HTTP *http.Client // reaches the API
	URL  string       // of the API's /exec

	Heartbeat time.Duration // between two pings; 0: 2 s
	Timeout   time.Duration // without a sign of the host; 0: 10 s
}

// A Request is a command and what it is connected to.
type Request struct {
	Container string
	Command   []string
	TTY       bool
	Term      string    // TERM, for TTY
	Stdin     io.Reader // nil: no input
	Stdout    io.Writer // with TTY all of the output
	Stderr    io.Writer // hosts that speak Bottlerocket's protocol use Stdout
	Size      func() (Size, bool)
	Resized   <-chan os.Signal // when to ask Size again
	Signals   <-chan os.Signal // passed on to the command
}

// Run runs the command and returns its exit code when it has ended and all its
// output is written. An error wraps ErrNotRunning if there is no such running
// container.
func (c *Client) Run(ctx context.Context, r Request) (code int, err error) {
	t := &talk{Request: r, output: make(chan []byte, maxOutstanding+1), ended: make(chan error, 1), credit: newCredit()}
	t.touch()
	conn, res, err := websocket.Dial(ctx, c.URL, &websocket.DialOptions{
		HTTPClient:     c.HTTP,
		Subprotocols:   []string{Subprotocol},
		OnPingReceived: func(context.Context, []byte) bool { t.touch(); return true },
		OnPongReceived: func(context.Context, []byte) { t.touch() },
	})
	if err != nil {
		return 0, dialError(res, err)
	}
	defer conn.CloseNow()
	conn.SetReadLimit(maxMessage)
	t.conn, t.split = conn, conn.Subprotocol() == Subprotocol
	t.ctx, t.cancel = context.WithCancelCause(ctx)
	defer t.cancel(nil)
	go t.read()
	go t.beat(cmp.Or(c.Heartbeat, defaultHeartbeat), cmp.Or(c.Timeout, defaultTimeout))
	if t.start() != nil {
		return t.finish() // what was read says why
	}
	go t.signals()
	if r.Stdin != nil {
		go t.send()
	}
	return t.finish()
}

// dialError shows the problem document of a refused handshake.
func dialError(res *http.Response, err error) error {
	err = fmt.Errorf("opening a websocket: %w", err)
	if res == nil || res.Body == nil {
		return err
	}
	var p struct{ Detail string }
	if json.NewDecoder(io.LimitReader(res.Body, maxMessage)).Decode(&p) == nil && p.Detail != "" {
		return fmt.Errorf("the host refuses: %s", p.Detail)
	}
	return err
}

// talk is a command under way.
type talk struct {
	Request
	conn   *websocket.Conn
	split  bool
	ctx    context.Context
	cancel context.CancelCauseFunc
	heard  atomic.Int64
	credit *credit     // of the input
	output chan []byte // closed when the host has closed the websocket
	ended  chan error  // why it is closed
}

func (t *talk) touch() { t.heard.Store(time.Now().UnixNano()) }

func (t *talk) start() error {
	i := &initialize{Target: t.Container}
	for _, word := range t.Command {
		i.Command = append(i.Command, argument(word))
	}
	if t.TTY {
		i.TTY, i.Term = &ttyInit{}, t.Term
		if size, ok := t.size(); ok {
			i.TTY.Size = &size
		}
	}
	if err := t.control(message{Initialize: i}); err != nil {
		return err
	}
	if t.Stdin == nil {
		if err := t.control(message{ContentComplete: true}); err != nil {
			return err
		}
	}
	return t.tell(0)
}

func (t *talk) size() (Size, bool) {
	if t.Size == nil {
		return Size{}, false
	}
	return t.Size()
}

// tell says how much output has been written.
func (t *talk) tell(written uint64) error {
	if !t.split || written%updateInterval != 0 {
		return nil
	}
	return t.control(message{Capacity: &capacity{MaxOutstanding: maxOutstanding, Written: written}})
}

func (t *talk) control(m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return t.conn.Write(t.ctx, websocket.MessageText, b)
}

// finish writes the output until the host closes the websocket, and returns
// what it says then.
func (t *talk) finish() (int, error) {
	for written := uint64(1); ; written++ {
		frame, more := <-t.output
		if !more {
			break
		}
		if err := t.write(frame); err != nil {
			t.cancel(err)
			return 0, fmt.Errorf("writing the output: %w", err)
		}
		if err := t.tell(written); err != nil && t.ctx.Err() != nil {
			break // what was received already decides
		}
	}
	return result(t.ctx, <-t.ended)
}

func (t *talk) write(frame []byte) error {
	to := t.Stdout
	if t.split {
		if len(frame) == 0 {
			return errors.New("the host sent an empty message")
		}
		if frame[0] == streamStderr {
			to = t.Stderr
		}
		frame = frame[1:]
	}
	_, err := to.Write(frame)
	return err
}

// read takes messages until the websocket is closed, and says why it was. It
// does so whatever else waits, so that pings are answered.
func (t *talk) read() {
	defer close(t.output)
	t.ended <- t.take()
}

func (t *talk) take() error {
	for {
		kind, b, err := t.conn.Read(t.ctx)
		if err != nil {
			return err
		}
		t.touch()
		if kind == websocket.MessageBinary {
			select {
			case t.output <- b:
			case <-t.ctx.Done():
				return context.Cause(t.ctx)
			}
			continue
		}
		var m message
		if err := json.Unmarshal(b, &m); err != nil {
			return fmt.Errorf("understanding the host: %w", err)
		}
		if m.Capacity != nil {
			t.credit.grant(*m.Capacity)
		}
	}
}

// result makes the exit code of the way in which the websocket was closed.
func result(ctx context.Context, err error) (int, error) {
	var closed websocket.CloseError
	if !errors.As(err, &closed) {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return 0, fmt.Errorf("the connection broke: %w", err)
	}
	switch closed.Code {
	case websocket.StatusNormalClosure:
		code, err := strconv.ParseUint(closed.Reason, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("the host gave no exit code but %q", closed.Reason)
		}
		return int(code), nil
	case StatusNotRunning:
		return 0, &notRunning{closed.Reason}
	}
	return 0, fmt.Errorf("the host says: %s", closed.Reason)
}

type notRunning struct{ reason string }

func (e *notRunning) Error() string { return e.reason }
func (e *notRunning) Unwrap() error { return ErrNotRunning }

// send passes the input on. Under a terminal every keystroke goes at once.
func (t *talk) send() {
	buf := make([]byte, maxChunk)
	for {
		if err := t.credit.take(t.ctx); err != nil {
			return
		}
		n, err := t.Stdin.Read(buf)
		if n > 0 {
			if t.conn.Write(t.ctx, websocket.MessageBinary, buf[:n]) != nil {
				return // read sees the same
			}
		}
		switch {
		case err == io.EOF:
			_ = t.control(message{ContentComplete: true}) // as above
			return
		case err != nil:
			t.cancel(fmt.Errorf("reading the input: %w", err))
			return
		}
	}
}

// signals passes on signals and changes of the terminal's size.
func (t *talk) signals() {
	for {
		select {
		case <-t.ctx.Done():
			return
		case sig := <-t.Signals:
			t.signal(sig)
		case <-t.Resized:
			if size, ok := t.size(); ok {
				_ = t.control(message{Winch: &size}) // the next one comes
			}
		}
	}
}

// signal passes one on, or ends the command where the host takes no signals.
func (t *talk) signal(sig os.Signal) {
	number, _ := sig.(syscall.Signal)
	name := signalName(number)
	if t.split && name != "" && t.control(message{Signal: name}) == nil {
		return
	}
	t.cancel(fmt.Errorf("got signal: %v", sig))
}

// beat pings the host and gives up on one that gives no sign.
func (t *talk) beat(every, timeout time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-t.ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(time.Unix(0, t.heard.Load())) > timeout {
			t.cancel(errors.New("nothing was heard of the host any more"))
			return
		}
		go func() {
			ctx, cancel := context.WithTimeout(t.ctx, timeout)
			defer cancel()
			_ = t.conn.Ping(ctx) // heard decides
		}()
	}
}

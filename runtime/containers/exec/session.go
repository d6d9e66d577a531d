package exec

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
)

// eot is what a terminal takes for the end of input (VEOF, see termios(3)).
const eot = 4

// read takes the client's messages until the session ends. It never waits for
// anything but the client, so that pings are answered and the client's going
// is seen.
func (s *session) read() {
	for {
		kind, b, err := s.conn.Read(s.reading)
		if err != nil {
			s.cancel(fmt.Errorf("%w: %w", errLeft, err))
			return
		}
		s.touch()
		if err := s.handle(kind, b); err != nil {
			s.cancel(err)
			return
		}
	}
}

func (s *session) handle(kind websocket.MessageType, b []byte) error {
	if kind == websocket.MessageBinary {
		return s.take(b)
	}
	m, err := decode(b)
	if err != nil {
		return err
	}
	switch {
	case m.Initialize != nil:
		return &refusal{websocket.StatusPolicyViolation, "Initialize sent twice"}
	case m.ContentComplete && !s.closed:
		s.closed = true
		close(s.input)
	case m.Capacity != nil:
		s.credit.grant(*m.Capacity)
	case m.Winch != nil:
		s.ask("resizing the terminal", func(ctx context.Context) error { return s.proc.Resize(ctx, *m.Winch) })
	case m.Signal != "":
		s.ask("sending a signal", func(ctx context.Context) error { return s.proc.Signal(ctx, signals[m.Signal]) })
	}
	return nil
}

// ask has the runtime do something that the command goes on without.
func (s *session) ask(what string, call func(context.Context) error) {
	ctx, cancel := context.WithTimeout(s.ctx, callTimeout)
	defer cancel()
	if err := call(ctx); err != nil {
		s.log.Warn("exec: "+what, "error", err)
	}
}

// take queues input. A client that sends more than it may is cut off: holding
// all of it would take memory without end.
func (s *session) take(b []byte) error {
	if s.closed {
		return nil // Bottlerocket passes over it as well
	}
	select {
	case s.input <- b:
		return nil
	default:
		return &refusal{websocket.StatusMessageTooBig, "write buffer full; obey capacity updates"}
	}
}

// feed gives the command its input and tells the client how far it is.
func (s *session) feed(tty bool) {
	stdin := s.proc.Stdin()
	defer stdin.Close()
	for written := uint64(1); ; written++ {
		b, more := s.next()
		if !more {
			break
		}
		if _, err := stdin.Write(b); err != nil {
			s.log.Debug("exec: the command takes no more input", "error", err)
			s.drain(written)
			return
		}
		s.update(written)
	}
	if tty && s.ctx.Err() == nil {
		if _, err := stdin.Write([]byte{eot}); err != nil {
			s.log.Debug("exec: ending the input", "error", err)
		}
		// A terminal stays open for output.
		<-s.ctx.Done()
	}
}

// next returns the next piece of input, if there is one.
func (s *session) next() ([]byte, bool) {
	select {
	case b, ok := <-s.input:
		return b, ok
	case <-s.ctx.Done():
		return nil, false
	}
}

// drain passes over input that nobody will read, so that the client can go on.
func (s *session) drain(written uint64) {
	for {
		s.update(written)
		if _, more := s.next(); !more {
			return
		}
		written++
	}
}

func (s *session) update(written uint64) {
	if written%updateInterval != 0 {
		return
	}
	if err := s.send(message{Capacity: &capacity{MaxOutstanding: maxOutstanding, Written: written}}); err != nil {
		s.cancel(err)
	}
}

func (s *session) send(m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encoding a message: %w", err)
	}
	if err := s.conn.Write(s.ctx, websocket.MessageText, b); err != nil {
		return fmt.Errorf("sending a message: %w", err)
	}
	return nil
}

// beat pings the client and ends the session of one that gives no sign.
func (s *session) beat() {
	tick := time.NewTicker(s.heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-tick.C:
		}
		if time.Since(time.Unix(0, s.heard.Load())) > s.timeout {
			s.cancel(errGone)
			return
		}
		go s.ping()
	}
}

// ping's own failure says nothing: heard decides.
func (s *session) ping() {
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	if err := s.conn.Ping(ctx); err != nil {
		s.log.Debug("exec: ping", "error", err)
	}
}

// output sends what the command writes to one of its streams.
type output struct {
	s      *session
	stream byte
	mu     sync.Mutex
	buf    []byte
}

// Write sends all of b, waiting for the client's leave where it gives one.
func (o *output) Write(b []byte) (n int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for len(b) > 0 {
		piece := b[:min(len(b), maxChunk)]
		if err := o.write(piece); err != nil {
			return n, err
		}
		n += len(piece)
		b = b[len(piece):]
	}
	return n, nil
}

func (o *output) write(piece []byte) error {
	frame := piece
	if o.s.split {
		if err := o.s.credit.take(o.s.ctx); err != nil {
			return err
		}
		o.buf = append(append(o.buf[:0], o.stream), piece...)
		frame = o.buf
	}
	return o.s.conn.Write(o.s.ctx, websocket.MessageBinary, frame)
}

func validUTF8(s string) string { return strings.ToValidUTF8(s, "") }

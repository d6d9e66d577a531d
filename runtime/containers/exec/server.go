package exec

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/coder/websocket"
)

// Times that a zero Server field stands for.
const (
	defaultHeartbeat = 2 * time.Second
	defaultTimeout   = 10 * time.Second
	defaultGrace     = 3 * time.Second
	defaultSessions  = 16
)

// callTimeout bounds what the runtime is asked while a command runs.
const callTimeout = 5 * time.Second

// ErrBusy means that as many sessions as may be are open.
var ErrBusy = errors.New("too many commands are being run already")

// Reasons for the end of a session.
var (
	errGone     = errors.New("the client was not heard of any more")
	errLeft     = errors.New("the client left")
	errFinished = errors.New("the command ended")
)

// A Server runs commands for clients. It must not be copied after its first use.
type Server struct {
	Runtime Runtime
	Log     *slog.Logger
	// Started, if not nil, is told of every command that runs.
	Started func(r *http.Request, container, program string)

	Heartbeat time.Duration // between two pings; 0: 2 s
	Timeout   time.Duration // without a sign of the client; 0: 10 s
	Grace     time.Duration // from SIGHUP or SIGTERM to SIGKILL; 0: 3 s
	Sessions  int64         // at a time; 0: 16

	open    atomic.Int64
	running sync.WaitGroup
}

// Serve makes the request a websocket and runs the command that the client
// asks for until it ends or the client is gone, which kills the command. It
// returns ErrBusy if nothing has been answered yet; the caller answers then.
func (s *Server) Serve(w http.ResponseWriter, r *http.Request) error {
	defer s.open.Add(-1)
	if s.open.Add(1) > cmp.Or(s.Sessions, defaultSessions) {
		return ErrBusy
	}
	s.running.Add(1)
	defer s.running.Done()
	ses := &session{
		started: func(container, program string) {
			if s.Started != nil {
				s.Started(r, container, program)
			}
		},
		log: s.Log, heartbeat: cmp.Or(s.Heartbeat, defaultHeartbeat), timeout: cmp.Or(s.Timeout, defaultTimeout),
		grace: cmp.Or(s.Grace, defaultGrace), credit: newCredit(), input: make(chan []byte, maxOutstanding+1),
	}
	ses.touch()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		Subprotocols:   []string{Subprotocol},
		OnPingReceived: func(context.Context, []byte) bool { ses.touch(); return true },
		OnPongReceived: func(context.Context, []byte) { ses.touch() },
	})
	if err != nil {
		s.Log.Warn("exec: no websocket", "error", err)
		return nil // Accept has answered
	}
	conn.SetReadLimit(maxMessage)
	ses.conn, ses.split = conn, conn.Subprotocol() == Subprotocol
	ses.ctx, ses.cancel = context.WithCancelCause(r.Context())
	defer ses.cancel(errFinished)
	// The end of a context under which something is read breaks the
	// connection: the client would not get to know why it ends.
	reading, stop := context.WithCancel(context.WithoutCancel(r.Context()))
	defer stop()
	ses.reading = reading
	status, reason := ses.run(s.Runtime)
	if err := conn.Close(status, reason); err != nil {
		s.Log.Debug("exec: closing", "error", err)
	}
	return nil
}

// Wait returns when all sessions have ended. Cancel the requests before.
func (s *Server) Wait() { s.running.Wait() }

// session is one client and its command.
type session struct {
	started                   func(container, program string)
	log                       *slog.Logger
	heartbeat, timeout, grace time.Duration

	conn   *websocket.Conn
	split  bool            // Subprotocol was agreed on
	ctx    context.Context // ends with the session
	cancel context.CancelCauseFunc
	// reading ends after the websocket is closed.
	reading context.Context
	heard   atomic.Int64 // Unix nanoseconds of the client's last sign
	credit  *credit      // of the output
	input   chan []byte  // closed at its end
	closed  bool         // input is; for the reading goroutine alone
	proc    Process
}

func (s *session) touch() { s.heard.Store(time.Now().UnixNano()) }

// refusal ends a session before its command runs or because of a message.
type refusal struct {
	status websocket.StatusCode
	reason string
}

func (r *refusal) Error() string { return r.reason }

// run is the whole session; it returns how to close the websocket.
func (s *session) run(rt Runtime) (websocket.StatusCode, string) {
	err := s.send(message{Capacity: &capacity{MaxOutstanding: maxOutstanding}})
	var init *initialize
	if err == nil {
		init, err = s.initialize()
	}
	if err != nil {
		return closing(err)
	}
	if s.proc, err = rt.Exec(s.ctx, init.Target, s.spec(init)); err != nil {
		s.log.Warn("exec: not started", "container", init.Target, "error", err)
		return closing(err)
	}
	// Arguments may be secrets, so that they are not logged.
	s.log.Info("exec: started", "container", init.Target, "program", init.Command[0], "tty", init.TTY != nil)
	s.started(init.Target, string(init.Command[0]))
	s.touch() // starting may have taken long
	ended := make(chan struct{})
	go s.read()
	go s.beat()
	go s.feed(init.TTY != nil)
	go s.guard(ended, init.TTY != nil)
	code, err := s.proc.Wait()
	close(ended)
	if cause := context.Cause(s.ctx); cause != nil {
		s.log.Info("exec: cut off", "container", init.Target, "reason", cause)
		return closing(cause)
	}
	if err != nil {
		s.log.Warn("exec: lost", "container", init.Target, "error", err)
		return closing(err)
	}
	s.log.Info("exec: ended", "container", init.Target, "code", code)
	return websocket.StatusNormalClosure, strconv.Itoa(code)
}

// closing says how to close the websocket after err.
func closing(err error) (websocket.StatusCode, string) {
	status := websocket.StatusInternalError
	var r *refusal
	switch {
	case errors.As(err, &r):
		status = r.status
	case errors.Is(err, ErrNotRunning):
		status = StatusNotRunning
	case errors.Is(err, context.Canceled):
		status = websocket.StatusGoingAway
	}
	const most = 123 // RFC 6455, section 5.5
	reason := err.Error()
	if len(reason) > most {
		reason = reason[:most]
	}
	return status, validUTF8(reason)
}

// initialize reads the first message.
func (s *session) initialize() (*initialize, error) {
	ctx, cancel := context.WithTimeout(s.ctx, s.timeout)
	defer cancel()
	kind, b, err := s.conn.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("reading the first message: %w", err)
	}
	if kind != websocket.MessageText {
		return nil, &refusal{websocket.StatusPolicyViolation, "process data sent before initialization"}
	}
	m, err := decode(b)
	if err != nil {
		return nil, err
	}
	if m.Initialize == nil {
		return nil, &refusal{websocket.StatusPolicyViolation, "the first message must be Initialize"}
	}
	return m.Initialize, nil
}

func decode(b []byte) (m message, err error) {
	if err := m.UnmarshalJSON(b); err != nil {
		return m, &refusal{websocket.StatusInvalidFramePayloadData, "invalid JSON in client message: " + err.Error()}
	}
	return m, nil
}

var termForm = regexp.MustCompile(`^[0-9A-Za-z.+-]{1,32}$`)

// spec is what the client asked for. TERM is "screen" unless the client says
// what terminal it has: no other is known as widely.
func (s *session) spec(i *initialize) Spec {
	spec := Spec{TTY: i.TTY != nil, Term: "screen"}
	for _, a := range i.Command {
		spec.Command = append(spec.Command, string(a))
	}
	if termForm.MatchString(i.Term) {
		spec.Term = i.Term
	}
	if i.TTY != nil && i.TTY.Size != nil {
		spec.Size = *i.TTY.Size
	}
	spec.Stdout = &output{s: s, stream: streamStdout}
	spec.Stderr = &output{s: s, stream: streamStderr}
	return spec
}

// guard kills the command when the session is over before it.
func (s *session) guard(ended <-chan struct{}, tty bool) {
	select {
	case <-ended:
		return
	case <-s.ctx.Done():
	}
	polite := syscall.SIGTERM
	if tty {
		polite = syscall.SIGHUP
	}
	s.kill(polite)
	select {
	case <-ended:
	case <-time.After(s.grace):
		s.kill(syscall.SIGKILL)
	}
}

func (s *session) kill(sig syscall.Signal) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(s.ctx), callTimeout)
	defer cancel()
	if err := s.proc.Signal(ctx, sig); err != nil {
		s.log.Warn("exec: stopping the command", "signal", sig, "error", err)
	}
}

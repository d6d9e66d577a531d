package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

const (
	journalctl = "/usr/bin/journalctl"
	systemctl  = "/usr/bin/systemctl"
)

// getJournal streams the journal, one JSON object a line, as journalctl -o json
// prints it. It ends with the journal, or with the client if follow is set.
func (s *Server) getJournal(gate chan struct{}, w http.ResponseWriter, r *http.Request) error {
	q, err := parseJournalQuery(r.URL.Query(), time.Now())
	if err != nil {
		return err
	}
	select {
	case gate <- struct{}{}:
		defer func() { <-gate }()
	default:
		return problem(http.StatusTooManyRequests, "", "%d journals are being read already", maxJournals)
	}
	if r.Method == http.MethodHead {
		w.Header().Set("Content-Type", "application/jsonl")
		return nil
	}
	ctx, stop := context.WithCancel(r.Context())
	defer stop()
	stream, err := s.Journal(ctx, q.args())
	if err != nil {
		return err
	}
	sent, err := relay(w, stream, stop)
	if err != nil && sent == 0 && q.boot != "0" {
		return problem(http.StatusNotFound, "boot", "no journal of boot %s: %v", q.boot, err)
	}
	return err
}

// relay sends the stream as it comes and ends it; stop stops its writer. It
// returns how many bytes were sent: before the first one, an error can still be
// told to the client.
func relay(w http.ResponseWriter, stream Stream, stop func()) (sent int64, err error) {
	control := http.NewResponseController(w)
	w.Header().Set("Content-Type", "application/jsonl")
	buf := make([]byte, 64<<10)
	for {
		n, rerr := stream.Read(buf)
		if n > 0 {
			if err := send(w, control, buf[:n]); err != nil {
				stop()
				return sent, errors.Join(fmt.Errorf("sending the journal: %w", err), stream.Wait())
			}
			sent += int64(n)
		}
		switch rerr {
		case nil:
		case io.EOF:
			return sent, stream.Wait()
		default:
			stop()
			return sent, errors.Join(fmt.Errorf("reading the journal: %w", rerr), stream.Wait())
		}
	}
}

// send writes one piece with a deadline of its own.
func send(w http.ResponseWriter, control *http.ResponseController, b []byte) error {
	_ = control.SetWriteDeadline(time.Now().Add(answerTimeout)) // as in response.extend
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := control.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	return nil
}

// runJournal is Server.Journal on a real host.
func runJournal(ctx context.Context, args []string) (Stream, error) {
	return run(ctx, journalctl, args)
}

// runUnits is Server.Units on a real host.
func runUnits(ctx context.Context, args []string) (Stream, error) {
	return run(ctx, systemctl, args)
}

func run(ctx context.Context, program string, args []string) (Stream, error) {
	p := &process{cmd: exec.CommandContext(ctx, program, args...)}
	p.cmd.Env = []string{"PATH=/usr/bin", "LANG=C.UTF-8"}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("running %s: %w", program, err)
	}
	p.Reader = out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("running %s: %w", program, err)
	}
	return p, nil
}

// process is a running program.
type process struct {
	io.Reader
	cmd    *exec.Cmd
	stderr firstBytes
}

// Wait implements Stream. A reader that has left ends the program by a signal.
func (p *process) Wait() error {
	err := p.cmd.Wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w: %s", filepath.Base(p.cmd.Path), err, strings.TrimSpace(p.stderr.String()))
}

// firstBytes keeps the first bytes that are written to it.
type firstBytes struct{ bytes.Buffer }

const maxStderr = 4 << 10

func (l *firstBytes) Write(b []byte) (int, error) {
	if room := maxStderr - l.Len(); room > 0 {
		l.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

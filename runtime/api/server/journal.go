package server

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	journalctl = "/usr/bin/journalctl"
	maxLines   = 1_000_000
)

// getJournal streams the journal, one JSON object a line, as journalctl -o json
// prints it. It ends with the journal, or with the client if follow is set.
func (s *Server) getJournal(gate chan struct{}, w http.ResponseWriter, r *http.Request) error {
	q, err := parseJournalQuery(r.URL.Query())
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

var bootIDForm = regexp.MustCompile(`^[0-9a-f]{32}$`)

// A journalQuery is what a client may ask of the journal:
//
//	boot    0 (this boot, the default), -1 (the one before), … or a boot ID
//	follow  true: go on with what comes
//	lines   only so many of the last
type journalQuery struct {
	boot   string
	follow bool
	lines  int // -1: all
}

// args are journalctl's.
func (q journalQuery) args() []string {
	args := []string{"--output=json", "--no-pager", "--quiet", "--boot=" + q.boot}
	if q.lines >= 0 {
		args = append(args, "--lines="+strconv.Itoa(q.lines))
	} else if q.follow {
		args = append(args, "--no-tail")
	}
	if q.follow {
		args = append(args, "--follow")
	}
	return args
}

func parseJournalQuery(values url.Values) (journalQuery, error) {
	q := journalQuery{boot: "0", lines: -1}
	for _, key := range slices.Sorted(maps.Keys(values)) {
		if len(values[key]) != 1 {
			return q, problem(http.StatusBadRequest, key, "is given %d times", len(values[key]))
		}
		if err := q.set(key, values.Get(key)); err != nil {
			return q, err
		}
	}
	return q, nil
}

func (q *journalQuery) set(key, value string) (err error) {
	switch key {
	case "boot":
		// Positive numbers count from the oldest journal, which is removed one
		// day; they are refused.
		n, err := strconv.Atoi(value)
		switch {
		case err == nil && -1000 <= n && n <= 0:
			q.boot = strconv.Itoa(n)
		case bootIDForm.MatchString(value):
			q.boot = value
		default:
			return problem(http.StatusBadRequest, key, "%q is neither 0, -1, … nor a boot ID of 32 hex digits", value)
		}
	case "follow":
		if q.follow, err = strconv.ParseBool(value); err != nil {
			return problem(http.StatusBadRequest, key, "%q is neither true nor false", value)
		}
	case "lines":
		if q.lines, err = strconv.Atoi(value); err != nil || q.lines < 0 || q.lines > maxLines {
			return problem(http.StatusBadRequest, key, "%q is no number from 0 to %d", value, maxLines)
		}
	default:
		return problem(http.StatusBadRequest, key, "no such parameter; there are boot, follow, lines")
	}
	return nil
}

// runJournal is Server.Journal on a real host.
func runJournal(ctx context.Context, args []string) (Stream, error) {
	p := &process{cmd: exec.CommandContext(ctx, journalctl, args...)}
	p.cmd.Env = []string{"PATH=/usr/bin", "LANG=C.UTF-8"}
	p.cmd.Stderr = &p.stderr
	out, err := p.cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("running journalctl: %w", err)
	}
	p.Reader = out
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("running journalctl: %w", err)
	}
	return p, nil
}

// process is a running journalctl.
type process struct {
	io.Reader
	cmd    *exec.Cmd
	stderr limited
}

// Wait implements Stream. A reader that has left ends the program by a signal.
func (p *process) Wait() error {
	err := p.cmd.Wait()
	if err == nil {
		return nil
	}
	return fmt.Errorf("journalctl: %w: %s", err, strings.TrimSpace(p.stderr.String()))
}

// limited keeps the first bytes that are written to it.
type limited struct{ bytes.Buffer }

const maxStderr = 4 << 10

func (l *limited) Write(b []byte) (int, error) {
	if room := maxStderr - l.Len(); room > 0 {
		l.Buffer.Write(b[:min(room, len(b))])
	}
	return len(b), nil
}

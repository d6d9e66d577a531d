package image

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

var errStalled = errors.New("the registry sent nothing for too long")

// A trace notes what came of each host that a pull asked.
type trace struct {
	mu    sync.Mutex
	hosts []*attempt
	bytes atomic.Int64 // of bodies, read so far
}

type attempt struct {
	host   string
	mirror bool
	last   string // "" after success or before the first request
}

// expect adds a host, once.
func (t *trace) expect(host string, mirror bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !slices.ContainsFunc(t.hosts, func(a *attempt) bool { return a.host == host }) {
		t.hosts = append(t.hosts, &attempt{host: host, mirror: mirror})
	}
}

// note keeps the outcome of a request. Hosts that only give out tokens or blobs
// are added when they fail.
func (t *trace) note(host, outcome string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range t.hosts {
		if a.host == host {
			a.last = outcome
			return
		}
	}
	if outcome != "" {
		t.hosts = append(t.hosts, &attempt{host: host, last: outcome})
	}
}

// String says what came of each host: "mirror m.example: status 503; registry
// r.example: status 401". It is empty if nothing failed.
func (t *trace) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var parts []string
	for _, a := range t.hosts {
		if a.last == "" {
			continue
		}
		kind := "registry"
		if a.mirror {
			kind = "mirror"
		}
		parts = append(parts, fmt.Sprintf("%s %s: %s", kind, a.host, a.last))
	}
	return strings.Join(parts, "; ")
}

// watched is a transport that notes outcomes and ends answers that stall.
type watched struct {
	base  http.RoundTripper
	trace *trace
	stall time.Duration
}

// RoundTrip implements http.RoundTripper.
func (w *watched) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithCancelCause(r.Context())
	res, err := w.base.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		w.trace.note(r.URL.Host, err.Error())
		return nil, err
	}
	outcome := ""
	if res.StatusCode >= http.StatusBadRequest {
		outcome = "status " + res.Status
	}
	w.trace.note(r.URL.Host, outcome)
	res.Body = &body{
		ReadCloser: res.Body, ctx: ctx, cancel: cancel, w: w, host: r.URL.Host,
		timer: time.AfterFunc(w.stall, func() { cancel(errStalled) }),
	}
	return res, nil
}

// body cancels its request if a read waits for too long.
type body struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	w      *watched
	host   string
}

func (b *body) Read(p []byte) (int, error) {
	b.timer.Reset(b.w.stall)
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop() // what the reader does in between takes its own time
	b.w.trace.bytes.Add(int64(n))
	if err != nil && err != io.EOF {
		if cause := context.Cause(b.ctx); errors.Is(cause, errStalled) {
			err = cause
		}
		b.w.trace.note(b.host, "the answer broke off: "+err.Error())
	}
	return n, err
}

func (b *body) Close() error {
	b.timer.Stop()
	defer b.cancel(nil)
	return b.ReadCloser.Close()
}

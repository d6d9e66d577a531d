package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

// router finds the route by exact path, then by method. What it refuses is a
// problem document too.
type router struct {
	routes map[string]map[string]Route
	log    *slog.Logger
	// patience is what the body of a request gets to come.
	patience time.Duration
	// record keeps what a request was about and what became of it.
	record func(r *http.Request, n *note, status int)
}

func newRouter(routes []Route, log *slog.Logger) router {
	rt := router{routes: map[string]map[string]Route{}, log: log, patience: bodyTimeout, record: func(*http.Request, *note, int) {}}
	for _, r := range routes {
		if rt.routes[r.Path] == nil {
			rt.routes[r.Path] = map[string]Route{}
		}
		rt.routes[r.Path][r.Method] = r
	}
	return rt
}

func (rt router) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &response{ResponseWriter: rw}
	r, n := withNote(r)
	defer func() { rt.record(r, n, w.status) }()
	defer rt.recover(w, r)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	echoID(w, r)
	w.extend()
	w.awaitBody(r, rt.patience)
	if err := rt.dispatch(w, r); err != nil {
		rt.fail(w, r, err)
	}
}

// requestIDForm bounds what is echoed.
var requestIDForm = regexp.MustCompile(`^[0-9A-Za-z._-]{1,64}$`)

// echoID repeats the request's ID in the answer. On a virtio-serial port it
// tells a client whose predecessor gave up waiting which answer is its own.
func echoID(w http.ResponseWriter, r *http.Request) {
	if id := r.Header.Get(api.HeaderRequestID); requestIDForm.MatchString(id) {
		w.Header().Set(api.HeaderRequestID, id)
	}
}

func (rt router) dispatch(w http.ResponseWriter, r *http.Request) error {
	if r.ContentLength > maxBody {
		w.Header().Set("Connection", "close") // the rest is not waited for
		return problem(http.StatusRequestEntityTooLarge, "", "the request has %d bytes, more than %d", r.ContentLength, maxBody)
	}
	// No path of the API needs an escape, so that one is a trick or a mistake.
	methods, ok := rt.routes[r.URL.Path]
	if !ok || r.URL.RawPath != "" {
		return problem(http.StatusNotFound, "", "the API has no %q", r.URL.EscapedPath())
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	route, ok := methods[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		return problem(http.StatusMethodNotAllowed, "", "%s takes %s, not %s", r.URL.Path, allowed, r.Method)
	}
	if err := route.checkQuery(r.URL.RawQuery); err != nil {
		return err
	}
	return route.Handle(w, r)
}

// readBody reads what the request carries.
func readBody(r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(r.Body)
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return nil, problem(http.StatusRequestEntityTooLarge, "", "the request has more than %d bytes", large.Limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, problem(http.StatusRequestTimeout, "", "the request did not come in time")
	case err != nil:
		return nil, problem(http.StatusBadRequest, "", "reading the request: %v", err)
	}
	return b, nil
}

// fail sends the error, or cuts the connection if the answer has begun.
func (rt router) fail(w *response, r *http.Request, err error) {
	var p *api.Problem
	if !errors.As(err, &p) {
		if r.Context().Err() != nil {
			w.status = statusClientGone
			return // nobody is listening any more
		}
		rt.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		p = problem(http.StatusInternalServerError, "", "%v", err)
	}
	noteOf(r).err = fmt.Sprintf("%d %s", p.Status, reason(p))
	if w.begun {
		panic(http.ErrAbortHandler)
	}
	if err := writeDocument(w, p.Status, api.ContentTypeProblem, p); err != nil {
		rt.log.Warn("answer was not sent", "path", r.URL.Path, "error", err)
	}
}

// reason is what the audit log has of a problem: what a client sent may be a
// secret, so that no more than the key of a mistake is told.
func reason(p *api.Problem) string {
	if len(p.Errors) == 0 {
		return p.Error()
	}
	var keys []string
	for _, m := range p.Errors {
		keys = append(keys, m.Key)
	}
	return p.Title + ": " + strings.Join(keys, ", ")
}

// recover turns a panic of a handler into status 500; the daemon goes on.
func (rt router) recover(w *response, r *http.Request) {
	switch v := recover(); v {
	case nil:
	case http.ErrAbortHandler:
		panic(v) // net/http closes the connection silently
	default:
		rt.log.Error("panic", "path", r.URL.Path, "value", fmt.Sprint(v), "stack", string(debug.Stack()))
		rt.fail(w, r, errors.New("internal error, see the journal"))
	}
}

func writeJSON(w http.ResponseWriter, status int, v any) error {
	return writeDocument(w, status, "application/json", v)
}

func writeDocument(w http.ResponseWriter, status int, kind string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encoding the answer: %w", err)
	}
	w.Header().Set("Content-Type", kind)
	w.Header().Set("Content-Length", fmt.Sprint(len(b)+1))
	w.WriteHeader(status)
	_, err = w.Write(append(b, '\n'))
	return err
}

// statusClientGone is what the audit log has for a client that did not wait.
const statusClientGone = 499

// response notes whether the answer has begun, and with what status.
type response struct {
	http.ResponseWriter
	begun  bool
	status int
}

func (w *response) WriteHeader(status int) {
	if !w.begun {
		w.begun, w.status = true, status
		w.extend() // what came before may have taken its time
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	if !w.begun {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// extend gives the next part of the answer its time. Writers that know no
// deadline, as in tests, have none.
func (w *response) extend() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(answerTimeout))
}

// awaitBody gives the body of the request its time, whoever reads it: the
// handler, or net/http when the handler is done. A request without a body has
// no deadline, since one would end the wait for the client to go away.
func (w *response) awaitBody(r *http.Request, patience time.Duration) {
	deadline := time.Time{}
	if r.ContentLength != 0 {
		deadline = time.Now().Add(patience)
	}
	control := http.NewResponseController(w.ResponseWriter)
	_ = control.SetReadDeadline(deadline) // as in extend
	r.Body = &timedBody{ReadCloser: r.Body, done: func() { _ = control.SetReadDeadline(time.Time{}) }}
}

// timedBody lifts the deadline once the body is there.
type timedBody struct {
	io.ReadCloser
	done func()
}

func (b *timedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.done()
	}
	return n, err
}

package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"regexp"
	"runtime/debug"
	"slices"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

// A handler answers or returns an error: an *api.Problem goes out as it is, any
// other becomes status 500. After the answer has begun, an error cuts it off.
type handler func(w http.ResponseWriter, r *http.Request) error

// router finds the handler by exact path, then by method. What it refuses is a
// problem document too.
type router struct {
	routes map[string]map[string]handler
	log    *slog.Logger
}

func (rt router) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	w := &response{ResponseWriter: rw}
	defer rt.recover(w, r)
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	echoID(w, r)
	w.extend()
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
	methods, ok := rt.routes[r.URL.Path]
	if !ok {
		return problem(http.StatusNotFound, "", "the API has no %q", r.URL.Path)
	}
	method := r.Method
	if method == http.MethodHead {
		method = http.MethodGet
	}
	h, ok := methods[method]
	if !ok {
		allowed := strings.Join(slices.Sorted(maps.Keys(methods)), ", ")
		w.Header().Set("Allow", allowed)
		return problem(http.StatusMethodNotAllowed, "", "%s takes %s, not %s", r.URL.Path, allowed, r.Method)
	}
	return h(w, r)
}

// fail sends the error, or cuts the connection if the answer has begun.
func (rt router) fail(w *response, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return // nobody is listening any more
	}
	var p *api.Problem
	if !errors.As(err, &p) {
		rt.log.Error("request failed", "method", r.Method, "path", r.URL.Path, "error", err)
		p = problem(http.StatusInternalServerError, "", "%v", err)
	}
	if w.begun {
		panic(http.ErrAbortHandler)
	}
	if err := writeDocument(w, p.Status, api.ContentTypeProblem, p); err != nil {
		rt.log.Warn("answer was not sent", "path", r.URL.Path, "error", err)
	}
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

// problem makes a problem document; key is the parameter to blame, or "".
func problem(status int, key, format string, args ...any) *api.Problem {
	return &api.Problem{
		Type: "about:blank", Title: http.StatusText(status), Status: status,
		Detail: fmt.Sprintf(format, args...), Key: key,
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

// response notes whether the answer has begun.
type response struct {
	http.ResponseWriter
	begun bool
}

func (w *response) WriteHeader(status int) {
	w.begun = true
	w.ResponseWriter.WriteHeader(status)
}

func (w *response) Write(b []byte) (int, error) {
	w.begun = true
	return w.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// extend gives the next part of the answer its time. Writers that know no
// deadline, as in tests, have none.
func (w *response) extend() {
	_ = http.NewResponseController(w.ResponseWriter).SetWriteDeadline(time.Now().Add(answerTimeout))
}

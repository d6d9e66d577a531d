// Package fetchtest is a file server in memory that does ranges, and on
// request everything that servers and the networks before them do wrong. It is
// both a client, so that tests need no network, and an http.Handler.
package fetchtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Fault changes an answer. Data is the part of the file that was asked for.
type Fault func(req *http.Request, resp *http.Response, data []byte)

// Server serves files by their path. Its zero value serves none.
type Server struct {
	mu       sync.Mutex
	files    map[string][]byte
	faults   []fault
	requests []string
}

// fault holds for requests of a path, the next left ones.
type fault struct {
	path string
	left int
	do   Fault
}

// Put serves data at a path.
func (s *Server) Put(path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.files == nil {
		s.files = map[string][]byte{}
	}
	s.files[path] = data
}

// Always is a number of requests that does not end.
const Always = 1 << 30

// Break makes the next n answers for a path wrong; the faults given first
// come first.
func (s *Server) Break(path string, n int, do Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, fault{path, n, do})
}

// Requests returns what was asked for, as "/path bytes=0-9".
func (s *Server) Requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.requests...)
}

// Do answers a request as an http.Client would.
func (s *Server) Do(req *http.Request) (*http.Response, error) {
	data, ok, do := s.take(req)
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Request: req, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if !ok {
		resp.StatusCode, data = http.StatusNotFound, []byte("not found\n")
	} else if first, end, ok := parseRange(req.Header.Get("Range"), len(data)); ok {
		resp.StatusCode = http.StatusPartialContent
		resp.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", first, end-1, len(data)))
		data = data[first:end]
	}
	resp.ContentLength, resp.Body = int64(len(data)), body(req, bytes.NewReader(data))
	if do != nil {
		do(req, resp, data)
	}
	if err := req.Context().Err(); err != nil {
		return nil, err
	}
	return resp, nil
}

// take notes the request and finds file and fault.
func (s *Server) take(req *http.Request) (data []byte, ok bool, do Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = append(s.requests, strings.TrimSpace(req.URL.Path+" "+req.Header.Get("Range")))
	for i := range s.faults {
		if f := &s.faults[i]; f.left > 0 && f.path == req.URL.Path {
			f.left--
			do = f.do
			break
		}
	}
	data, ok = s.files[req.URL.Path]
	return data, ok, do
}

func parseRange(s string, size int) (first, end int, ok bool) {
	s, ok = strings.CutPrefix(s, "bytes=")
	from, to, dash := strings.Cut(s, "-")
	first, err1 := strconv.Atoi(from)
	last, err2 := strconv.Atoi(to)
	if !ok || !dash || err1 != nil || err2 != nil || first > last || first >= size {
		return 0, 0, false
	}
	return first, min(last+1, size), true
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	resp, err := s.Do(req)
	if err != nil {
		return
	}
	for name, values := range resp.Header {
		w.Header()[name] = values
	}
	if resp.ContentLength >= 0 {
		w.Header().Set("Content-Length", strconv.FormatInt(resp.ContentLength, 10))
	}
	w.WriteHeader(resp.StatusCode)
	if _, err := io.Copy(w, resp.Body); err != nil {
		panic(http.ErrAbortHandler) // breaks the connection, as is wanted
	}
}

// body ends when the request is cancelled.
func body(req *http.Request, r io.Reader) io.ReadCloser {
	return io.NopCloser(readerFunc(func(p []byte) (int, error) {
		if err := req.Context().Err(); err != nil {
			return 0, err
		}
		return r.Read(p)
	}))
}

type readerFunc func(p []byte) (int, error)

// Read implements io.Reader.
func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// sleep waits, unless the request is cancelled.
func sleep(req *http.Request, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-req.Context().Done():
		return req.Context().Err()
	}
}

package repotest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// serve answers a request, with what was ordered.
func (r *Repo) serve(w http.ResponseWriter, req *http.Request) {
	name := strings.TrimPrefix(req.URL.Path, "/")
	data, ok, f := r.look(name, req)
	switch {
	case f.unavailable > 0:
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	case f.redirect != "" && strings.HasPrefix(name, "targets/"):
		http.Redirect(w, req, f.redirect+"/"+(&url.URL{Path: name}).EscapedPath(), http.StatusFound)
		return
	case f.endless != "" && strings.Contains(name, f.endless):
		endless(w, req)
		return
	case !ok:
		http.NotFound(w, req)
		return
	case f.slowPath != "" && strings.Contains(name, f.slowPath):
		w = &trickle{w, req.Context(), f.slow}
	case f.truncated != "" && strings.Contains(name, f.truncated):
		w = &cut{ResponseWriter: w}
	case f.corrupted != "" && strings.Contains(name, f.corrupted):
		data = bytes.Clone(data)
		data[len(data)/2] ^= 1
	}
	rangeOf := req.Header.Get("Range")
	if f.ignoreRanges && rangeOf != "" {
		req.Header.Del("Range")
	}
	if f.wrongRanges && rangeOf != "" {
		data = shifted(data)
	}
	http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(data))
}

// look finds a file as the faults want it, and notes the request.
func (r *Repo) look(name string, req *http.Request) ([]byte, bool, faults) {
	r.mu.Lock()
	defer r.mu.Unlock()
	note := req.Method + " /" + name
	if s := req.Header.Get("Range"); s != "" {
		note += " " + s
	}
	r.requests = append(r.requests, note)
	f := r.faults
	if f.unavailable > 0 {
		r.faults.unavailable--
		return nil, false, f
	}
	data, ok := r.at(name, f)
	return data, ok, f
}

// at is the file of a name, from the past where an attacker serves that.
func (r *Repo) at(name string, f faults) ([]byte, bool) {
	files := r.files
	switch {
	case f.frozen:
		files = r.frozen
	case f.rolledBack["timestamp"]:
		files = r.past[len(r.past)-2]
	case f.mixed && name == r.file(Channel, 0):
		name = r.file(Channel, -1)
	}
	data, ok := files[name]
	return data, ok
}

// file is the path of a role's newest metadata, or of an older one.
func (r *Repo) file(role string, back int64) string {
	return fmt.Sprintf("metadata/%d.%s.json", r.version[role]+back, role)
}

// endless sends zeros until the client has enough.
func endless(w http.ResponseWriter, req *http.Request) {
	block := make([]byte, 64<<10)
	for req.Context().Err() == nil {
		if _, err := w.Write(block); err != nil {
			return
		}
	}
}

// trickle sends a byte at a time.
type trickle struct {
	http.ResponseWriter
	ctx   context.Context
	pause time.Duration
}

func (t *trickle) Write(b []byte) (int, error) {
	for n := range b {
		if _, err := t.ResponseWriter.Write(b[n : n+1]); err != nil {
			return n, err
		}
		if err := http.NewResponseController(t.ResponseWriter).Flush(); err != nil {
			return n, err
		}
		select {
		case <-t.ctx.Done():
			return n, t.ctx.Err()
		case <-time.After(t.pause):
		}
	}
	return len(b), nil
}

// shifted moves what lies 4096 bytes later to where it was asked for.
func shifted(data []byte) []byte {
	n := min(4096, len(data))
	return append(bytes.Clone(data[n:]), data[:n]...)
}

// cut ends an answer in the middle, without a word.
type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) WriteHeader(code int) {
	if n, err := strconv.Atoi(c.Header().Get("Content-Length")); err == nil {
		c.left = n / 2
	}
	c.ResponseWriter.WriteHeader(code)
}

func (c *cut) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b[:min(len(b), c.left)])
	c.left -= n
	if err == nil && n < len(b) {
		// The half that was sent must reach the client before the end does.
		if err = http.NewResponseController(c.ResponseWriter).Flush(); err == nil {
			panic(http.ErrAbortHandler)
		}
	}
	return n, err
}

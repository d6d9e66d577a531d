package fetchtest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Status answers with a status and headers as "Name: value".
func Status(code int, headers ...string) Fault {
	return func(req *http.Request, resp *http.Response, _ []byte) {
		resp.StatusCode, resp.Header, resp.ContentLength = code, http.Header{}, 0
		resp.Body = body(req, strings.NewReader(""))
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ":")
			resp.Header.Set(name, strings.TrimSpace(value))
		}
	}
}

// Ignore answers range requests with 200 and the whole file.
func Ignore(file []byte) Fault {
	return func(req *http.Request, resp *http.Response, _ []byte) {
		resp.StatusCode, resp.ContentLength = http.StatusOK, int64(len(file))
		resp.Header.Del("Content-Range")
		resp.Body = body(req, bytes.NewReader(file))
	}
}

// Shift says that another range was sent than the one asked for.
func Shift(_ *http.Request, resp *http.Response, data []byte) {
	resp.Header.Set("Content-Range", fmt.Sprintf("bytes 1-%d/*", len(data)))
}

// Resize says that the file has another size.
func Resize(_ *http.Request, resp *http.Response, _ []byte) {
	from, _, _ := strings.Cut(resp.Header.Get("Content-Range"), "/")
	resp.Header.Set("Content-Range", from+"/4711")
}

// Cut ends the answer after n bytes, though more was announced.
func Cut(n int) Fault {
	return func(req *http.Request, resp *http.Response, data []byte) {
		r := io.MultiReader(bytes.NewReader(data[:min(n, len(data))]), readerFunc(func([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }))
		resp.Body = body(req, r)
	}
}

// Truncate ends the answer after n bytes and announces that.
func Truncate(n int) Fault {
	return func(req *http.Request, resp *http.Response, data []byte) {
		resp.ContentLength = int64(min(n, len(data)))
		resp.Body = body(req, bytes.NewReader(data[:resp.ContentLength]))
	}
}

// Flip changes the byte of each answer that is share per cent from its start.
func Flip(share int) Fault {
	return func(req *http.Request, resp *http.Response, data []byte) {
		data = bytes.Clone(data)
		data[len(data)*share/100] ^= 0x10
		resp.Body = body(req, bytes.NewReader(data))
	}
}

// Endless sends the file, and then zeros for ever, with no length announced.
// read, if not nil, is told how much was taken.
func Endless(read func(n int)) Fault {
	return func(req *http.Request, resp *http.Response, data []byte) {
		resp.ContentLength = -1
		r := io.MultiReader(bytes.NewReader(data), readerFunc(func(p []byte) (int, error) {
			clear(p)
			return len(p), nil
		}))
		resp.Body = body(req, readerFunc(func(p []byte) (int, error) {
			n, err := r.Read(p)
			if read != nil {
				read(n)
			}
			return n, err
		}))
	}
}

// Trickle sends one byte at a time, with a pause before each.
func Trickle(pause time.Duration) Fault {
	return func(req *http.Request, resp *http.Response, data []byte) {
		r := bytes.NewReader(data)
		resp.Body = body(req, readerFunc(func(p []byte) (int, error) {
			if err := sleep(req, pause); err != nil {
				return 0, err
			}
			return r.Read(p[:1])
		}))
	}
}

// Hang does not answer until the request is cancelled.
func Hang(req *http.Request, _ *http.Response, _ []byte) { <-req.Context().Done() }

// Elsewhere makes the answer look like one that came from another host, as a
// client that follows redirects would return it.
func Elsewhere(to string) Fault {
	return func(req *http.Request, resp *http.Response, _ []byte) {
		moved := req.Clone(req.Context())
		if u, err := url.Parse(to); err == nil {
			moved.URL = u
		}
		resp.Request = moved
	}
}

package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

// What servers do wrong.
var (
	// ErrNoRanges says that the server sent the whole file, where a range was
	// asked for.
	ErrNoRanges = errors.New("server ignores ranges")
	// ErrRange says that the server sent another range than the one asked for.
	ErrRange = errors.New("server sent another range")
	// ErrShort says that less came than was announced.
	ErrShort = errors.New("answer is too short")
	// ErrSlow says that bytes came more slowly than Limits.MinRate.
	ErrSlow = errors.New("server is too slow")
	// ErrBudget says that more than Limits.Bytes was read.
	ErrBudget = errors.New("more bytes than allowed")
	// ErrEncoding says that the server transformed the file.
	ErrEncoding = errors.New("server encoded the answer")
)

// StatusError is an answer with a status that is of no use.
type StatusError struct {
	Code int
	// After is what Retry-After asks for; 0 where it does not.
	After time.Duration
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("server answered %d %s", e.Code, http.StatusText(e.Code))
}

// permanent says whether asking again, or for another part, is useless.
func permanent(err error) bool {
	var status *StatusError
	if errors.As(err, &status) {
		return status.Code < 500 && status.Code != http.StatusTooManyRequests && status.Code != http.StatusRequestTimeout
	}
	return errors.Is(err, ErrNoRanges) || errors.Is(err, ErrRange) || errors.Is(err, ErrRedirect) || errors.Is(err, ErrEncoding)
}

// source is a file with the image's blocks on a server.
type source struct {
	url    string
	layout plan.Layout
	size   int64
	// open checks a frame and returns its blocks.
	open func(d *blocks.Decoder, frame int, data []byte) ([]byte, error)
}

func (f *fetcher) frames() source {
	return source{url: f.job.Frames, layout: f.index, size: f.index.FramesSize(), open: (*blocks.Decoder).Frame}
}

func (f *fetcher) raw() source {
	return source{url: f.job.Raw, layout: rawLayout{f.index}, size: f.index.Size,
		open: func(d *blocks.Decoder, i int, data []byte) ([]byte, error) { return data, d.Check(i, data) }}
}

// rawLayout is that of the image itself.
type rawLayout struct{ *blocks.Index }

// Frame implements plan.Layout.
func (l rawLayout) Frame(i int) (offset, length int64) {
	first, _ := l.FrameRange(i)
	return int64(first) * blocks.BlockSize, int64(l.FrameBytes(i))
}

// get fetches frames [first, end) and stores them as they come. A frame that
// is wrong does not stop those behind it; the error says so at the end.
func (f *fetcher) get(ctx context.Context, s source, first, end int) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	offset, _ := s.layout.Frame(first)
	last, n := s.layout.Frame(end - 1)
	body, err := f.ask(ctx, cancel, s, offset, last+n-offset)
	if err == nil {
		defer body.Close()
		err = f.storeFrames(s, first, end, &paced{f: f, r: body, cancel: cancel})
	}
	if cause := context.Cause(ctx); errors.Is(cause, ErrSlow) && err != nil {
		return cause
	}
	return err
}

// ask makes the request and checks the answer's head.
func (f *fetcher) ask(ctx context.Context, cancel context.CancelCauseFunc, s source, offset, length int64) (io.ReadCloser, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept-Encoding", "identity")
	want := http.StatusOK
	if offset != 0 || length != s.size {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-%d", offset, offset+length-1))
		want = http.StatusPartialContent
	}
	f.mu.Lock()
	f.report.Requests++
	f.mu.Unlock()
	timer := time.AfterFunc(f.limits.Window, func() { cancel(fmt.Errorf("%w: no answer in %s", ErrSlow, f.limits.Window)) })
	defer timer.Stop()
	resp, err := f.job.Client.Do(req)
	if err != nil {
		return nil, err
	}
	if err := checkHead(req, resp, want, offset, length, s.size); err != nil {
		resp.Body.Close()
		return nil, err
	}
	return resp.Body, nil
}

func checkHead(req *http.Request, resp *http.Response, want int, offset, length, size int64) error {
	if r := resp.Request; r != nil && !sameOrigin(req.URL, r.URL) {
		return fmt.Errorf("%w: %s", ErrRedirect, r.URL.Host)
	}
	switch code := resp.StatusCode; {
	case code == http.StatusOK && want == http.StatusPartialContent:
		return ErrNoRanges
	case code == http.StatusRequestedRangeNotSatisfiable:
		return fmt.Errorf("%w: it has no bytes %d to %d", ErrRange, offset, offset+length-1)
	case code >= 300 && code < 400:
		return fmt.Errorf("%w: %s", ErrRedirect, resp.Header.Get("Location"))
	case code != want:
		return &StatusError{Code: code, After: retryAfter(resp.Header.Get("Retry-After"))}
	}
	if e := resp.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("%w: %q", ErrEncoding, e)
	}
	if n := resp.ContentLength; n >= 0 && n != length {
		return fmt.Errorf("%w: %d bytes, want %d", ErrRange, n, length)
	}
	if want == http.StatusOK {
		return nil
	}
	exact := fmt.Sprintf("bytes %d-%d/", offset, offset+length-1)
	got := resp.Header.Get("Content-Range")
	if total, ok := strings.CutPrefix(got, exact); !ok || total != "*" && total != strconv.FormatInt(size, 10) {
		return fmt.Errorf("%w: Content-Range is %q, want %q", ErrRange, got, exact+strconv.FormatInt(size, 10))
	}
	return nil
}

// retryAfter reads a number of seconds; dates are passed over.
func retryAfter(s string) time.Duration {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Second
}

func (f *fetcher) storeFrames(s source, first, end int, body io.Reader) error {
	d, err := f.decoder()
	if err != nil {
		return err
	}
	defer f.release(d)
	var wrong error
	buf := make([]byte, 0, blocks.MaxFrameBlocks*blocks.BlockSize)
	for i := first; i < end; i++ {
		_, length := s.layout.Frame(i)
		buf = append(buf[:0], make([]byte, length)...)
		if _, err := io.ReadFull(body, buf); err != nil {
			if err == io.EOF || err == io.ErrUnexpectedEOF {
				err = ErrShort
			}
			return errors.Join(wrong, fmt.Errorf("reading frame %d: %w", i, err))
		}
		if from, to := f.wanted(i, i+1); from == to {
			continue
		}
		data, err := s.open(d, i, buf)
		if err != nil {
			if wrong == nil {
				wrong = err
			}
			continue
		}
		if err := f.store(i, data); err != nil {
			return err
		}
	}
	return wrong
}

// paced reads a body, counts its bytes, and cancels the request where they
// come too slowly: every quota of MinRate × Window bytes must come within
// Window of waiting.
type paced struct {
	f      *fetcher
	r      io.Reader
	cancel context.CancelCauseFunc
	waited time.Duration
	got    int64
}

// Read implements io.Reader.
func (p *paced) Read(b []byte) (int, error) {
	if err := p.f.count(0); err != nil {
		return 0, err
	}
	l := &p.f.limits
	timer := time.AfterFunc(max(l.Window-p.waited, 0), func() {
		p.cancel(fmt.Errorf("%w: less than %d bytes a second", ErrSlow, l.MinRate))
	})
	start := time.Now()
	n, err := p.r.Read(b)
	timer.Stop()
	p.waited += time.Since(start)
	if p.got += int64(n); p.got >= l.MinRate*int64(l.Window/time.Second) {
		p.got, p.waited = 0, 0
	}
	p.f.count(n) // the next read says so if it was too much
	return n, err
}

// count adds bytes to what has been read in all, and says whether that is too
// much.
func (f *fetcher) count(n int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.report.Bytes += int64(n); f.report.Bytes > f.limits.Bytes {
		return fmt.Errorf("%w: %d", ErrBudget, f.limits.Bytes)
	}
	return nil
}

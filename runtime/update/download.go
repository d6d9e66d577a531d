package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/slipway-os/slipway/runtime/update/fetch"
)

// attempts is how often a file is asked for that does not grow, or only
// slowly; tries is how often in all.
const attempts, tries = 4, 64

// file fetches a signed file of some megabytes, or the rest of it where an
// earlier try left a part, and returns its bytes once they are those that were
// signed. It stays in STATE until the prepare is done.
func (u *Updater) file(ctx context.Context, a *artefact) ([]byte, error) {
	path := u.path(filesDir, a.SHA256)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("fetching %s: %w", a.Name, err)
	}
	data, err := u.fetchFile(ctx, a, path)
	if errors.Is(err, errNotSigned) && ctx.Err() == nil { // what an earlier try left may be to blame
		data, err = u.fetchFile(ctx, a, path)
	}
	if err != nil {
		return nil, fmt.Errorf("fetching %s: %w", a.Name, err)
	}
	return data, nil
}

// errNotSigned says that a whole file came, and another one than was signed.
var errNotSigned = errors.New("its bytes are not those that were signed")

func (u *Updater) fetchFile(ctx context.Context, a *artefact, path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := u.grow(ctx, a, f); err != nil {
		return nil, err
	}
	data := make([]byte, a.Size)
	if _, err := f.ReadAt(data, 0); err != nil && err != io.EOF {
		return nil, err
	}
	if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != a.SHA256 {
		return nil, errors.Join(errNotSigned, os.Remove(path))
	}
	return data, nil
}

// grow fetches until the file has its size.
func (u *Updater) grow(ctx context.Context, a *artefact, f *os.File) error {
	for try, attempt := 1, 1; ; try, attempt = try+1, attempt+1 {
		have, err := f.Seek(0, io.SeekEnd)
		if err != nil {
			return err
		}
		if have > a.Size {
			have = 0
		}
		if have == a.Size {
			return nil
		}
		err = u.get(ctx, a, f, have)
		if err == nil {
			continue
		}
		now, seekErr := f.Seek(0, io.SeekEnd)
		if seekErr == nil && now > have && !errors.Is(err, fetch.ErrSlow) {
			attempt = 0
		}
		var status *fetch.StatusError
		final := errors.As(err, &status) && status.Code < 500 || errors.Is(err, fetch.ErrRedirect) || errors.Is(err, errTooLong)
		if ctx.Err() != nil || final || attempt >= attempts || try >= tries {
			return errors.Join(err, seekErr)
		}
		if err := sleep(ctx, u.backoff()<<attempt); err != nil {
			return err
		}
	}
}

func (u *Updater) backoff() time.Duration {
	if u.Limits.Backoff > 0 {
		return u.Limits.Backoff
	}
	return fetch.DefaultLimits.Backoff
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// errTooLong says that a server sends more than was signed.
var errTooLong = errors.New("the server sends more bytes than were signed")

// get asks for the file from offset have on, and adds what comes.
func (u *Updater) get(ctx context.Context, a *artefact, f *os.File, have int64) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	got := &atomic.Int64{}
	defer u.watch(got, cancel)()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.url, nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept-Encoding", "identity")
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	res, err := u.HTTP.Do(req)
	if err != nil {
		return cause(ctx, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusOK:
		have = 0
	case have == 0 || res.StatusCode != http.StatusPartialContent:
		return &fetch.StatusError{Code: res.StatusCode}
	case !strings.HasPrefix(res.Header.Get("Content-Range"), fmt.Sprintf("bytes %d-", have)):
		return fmt.Errorf("%w: %q, want the bytes from %d on", fetch.ErrRange, res.Header.Get("Content-Range"), have)
	}
	return cause(ctx, add(f, have, a.Size, res, got))
}

// add writes the answer's body at an offset, and not beyond size.
func add(f *os.File, at, size int64, res *http.Response, got *atomic.Int64) error {
	if n := res.ContentLength; n > size-at {
		return fmt.Errorf("%w: %d of them", errTooLong, at+n)
	}
	if err := f.Truncate(at); err != nil {
		return err
	}
	if _, err := f.Seek(at, io.SeekStart); err != nil {
		return err
	}
	n, err := io.Copy(f, io.TeeReader(io.LimitReader(res.Body, size-at), counter{got}))
	if err != nil {
		return err
	}
	if at+n < size {
		return fetch.ErrShort
	}
	if n, _ := res.Body.Read(make([]byte, 1)); n > 0 {
		return fmt.Errorf("%w: %d", errTooLong, size)
	}
	return nil
}

type counter struct{ n *atomic.Int64 }

func (c counter) Write(b []byte) (int, error) {
	c.n.Add(int64(len(b)))
	return len(b), nil
}

// watch cancels a request that brings less than Limits.MinRate, looked at in
// windows. The function that it returns ends the watch.
func (u *Updater) watch(got *atomic.Int64, cancel context.CancelCauseFunc) func() {
	window, rate := u.Limits.Window, u.Limits.MinRate
	if window == 0 {
		window = fetch.DefaultLimits.Window
	}
	if rate == 0 {
		rate = fetch.DefaultLimits.MinRate
	}
	least := int64(window.Seconds() * float64(rate))
	tick, stop := time.NewTicker(window), make(chan struct{})
	go func() {
		defer tick.Stop()
		for last := int64(0); ; {
			select {
			case <-stop:
				return
			case <-tick.C:
				now := got.Load()
				if now-last < least {
					cancel(fmt.Errorf("%w: less than %d bytes a second", fetch.ErrSlow, rate))
					return
				}
				last = now
			}
		}
	}()
	return func() { close(stop) }
}

package download

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"syscall"
	"time"
)

// errStalled is the cause of a transfer that was given up for standing still.
var errStalled = errors.New("the transfer stood still")

// transientError marks a failure that may pass when tried again.
type transientError struct{ err error }

func (e *transientError) Error() string { return e.err.Error() }
func (e *transientError) Unwrap() error { return e.err }

// attempt brings part to the bytes of f from one address, resuming what an
// earlier attempt left there. On a wrong sum it empties part.
func (c *Client) attempt(ctx context.Context, url string, f File, part *os.File) error {
	have, err := part.Seek(0, io.SeekEnd)
	if err != nil {
		return fmt.Errorf("seeking in the partial download: %w", err)
	}
	if have > f.Size {
		have = 0
	}
	resumed := have > 0
	if have < f.Size || f.Size == 0 {
		if resumed, err = c.transfer(ctx, url, have, f, part); err != nil {
			return err
		}
	}
	size, sum, err := hashFile(part)
	if err != nil {
		return err
	}
	if size == f.Size && sum == f.SHA256 {
		return nil
	}
	mismatch := error(&mismatchError{size: size, sum: sum})
	if err := part.Truncate(0); err != nil {
		return fmt.Errorf("emptying the partial download: %w", err)
	}
	if resumed { // the first half may be another place's; try from the start
		mismatch = &transientError{mismatch}
	}
	return mismatch
}

// transfer appends the answer of url to part, from offset have on where the
// server supports that; resumed tells whether it did.
func (c *Client) transfer(ctx context.Context, url string, have int64, f File, part *os.File) (resumed bool, err error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(c.Stall, func() { cancel(errStalled) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false, fmt.Errorf("making a request: %w", err)
	}
	if have > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", have))
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return false, &transientError{stallCause(ctx, err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusRequestedRangeNotSatisfiable {
		// What we have is longer than what this place has: begin anew.
		return false, errors.Join(&transientError{errors.New(resp.Status)}, part.Truncate(0))
	}
	if err := checkStatus(resp); err != nil {
		return false, err
	}
	resumed = resp.StatusCode == http.StatusPartialContent
	if !resumed {
		have = 0
	}
	if err := part.Truncate(have); err != nil {
		return resumed, fmt.Errorf("truncating the partial download: %w", err)
	}
	body := &meter{in: resp.Body, touch: func(n int) {
		c.received.Add(int64(n))
		watchdog.Reset(c.Stall)
	}}
	// One byte more than wanted is enough to tell that the file is another.
	n, err := io.Copy(io.NewOffsetWriter(part, have), io.LimitReader(body, f.Size-have+1))
	if err != nil {
		return resumed, &transientError{stallCause(ctx, err)}
	}
	if have+n < f.Size && resp.ContentLength < 0 {
		return resumed, &transientError{fmt.Errorf("the transfer ended after %d of %d bytes", have+n, f.Size)}
	}
	return resumed, nil
}

// stallCause names the watchdog instead of the cancelled context it causes.
func stallCause(ctx context.Context, err error) error {
	if errors.Is(context.Cause(ctx), errStalled) {
		return errStalled
	}
	return err
}

// checkStatus turns an HTTP status other than success into an error.
func checkStatus(resp *http.Response) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK, code == http.StatusPartialContent:
		return nil
	case code >= 500, code == http.StatusTooManyRequests, code == http.StatusRequestTimeout:
		return &transientError{errors.New(resp.Status)}
	default:
		return errors.New(resp.Status)
	}
}

// meter tells touch how many bytes each read brought.
type meter struct {
	in    io.Reader
	touch func(n int)
}

func (m *meter) Read(p []byte) (int, error) {
	n, err := m.in.Read(p)
	if n > 0 {
		m.touch(n)
	}
	return n, err
}

// hashFile returns the size and the SHA-256 of an open file.
func hashFile(f *os.File) (int64, string, error) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return 0, "", fmt.Errorf("rewinding %s: %w", f.Name(), err)
	}
	h := sha256.New()
	n, err := io.Copy(h, f)
	if err != nil {
		return 0, "", fmt.Errorf("reading %s: %w", f.Name(), err)
	}
	return n, hex.EncodeToString(h.Sum(nil)), nil
}

// lockPart opens the partial download at path for this process alone; it waits
// while another process has it. Closing the file gives the lock up.
func lockPart(path string) (*os.File, error) {
	for {
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644)
		if err != nil {
			return nil, err
		}
		if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
			return nil, errors.Join(fmt.Errorf("flock: %w", err), f.Close())
		}
		// The holder before us may have renamed the file away.
		if same, err := stillAt(f, path); err != nil || same {
			if err != nil {
				return nil, errors.Join(err, f.Close())
			}
			return f, nil
		}
		if err := f.Close(); err != nil {
			return nil, err
		}
	}
}

// stillAt tells whether path names the open file f.
func stillAt(f *os.File, path string) (bool, error) {
	mine, err := f.Stat()
	if err != nil {
		return false, err
	}
	named, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil && os.SameFile(mine, named), err
}

// copyFile copies src to dest by way of a file beside it.
func copyFile(src, dest string) error {
	in, err := os.Open(src)
	if err != nil {
		return fmt.Errorf("copying from the cache: %w", err)
	}
	defer in.Close()
	out, err := os.Create(dest + ".new")
	if err != nil {
		return fmt.Errorf("copying from the cache: %w", err)
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return fmt.Errorf("copying to %s: %w", dest, err)
	}
	return os.Rename(out.Name(), dest)
}

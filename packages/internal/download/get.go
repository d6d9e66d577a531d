package download

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxUnpinned bounds what Get reads, in bytes.
const maxUnpinned = 16 << 20

// Get returns the small file at url, about which nothing is known beforehand.
// It asks again as often as Fetch does.
func (c *Client) Get(ctx context.Context, url string) ([]byte, error) {
	pause := c.Backoff
	for try := 1; ; try++ {
		data, err := c.get(ctx, url)
		var later *transientError
		if err == nil || !errors.As(err, &later) || try >= c.Tries {
			return data, err
		}
		if err := sleep(ctx, pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

// get asks once.
func (c *Client) get(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watchdog := time.AfterFunc(c.Stall, func() { cancel(errStalled) })
	defer watchdog.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("making a request: %w", err)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, &transientError{stallCause(ctx, err)}
	}
	defer resp.Body.Close()
	if err := checkStatus(resp); err != nil {
		return nil, err
	}
	var data bytes.Buffer
	body := &meter{in: resp.Body, touch: func(n int) { watchdog.Reset(c.Stall) }}
	if _, err := data.ReadFrom(io.LimitReader(body, maxUnpinned+1)); err != nil {
		return nil, &transientError{stallCause(ctx, err)}
	}
	if data.Len() > maxUnpinned {
		return nil, fmt.Errorf("%s is longer than %d bytes", url, maxUnpinned)
	}
	return data.Bytes(), nil
}

// Exists tells whether any mirror offers a file of the right size at the
// file's path. The error is that of ctx alone.
func (c *Client) Exists(ctx context.Context, f File) (bool, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*c.Stall)
	defer cancel()
	for _, url := range c.Mirrors.URLs(f.Path) {
		req, err := http.NewRequestWithContext(ctx, http.MethodHead, url, nil)
		if err != nil {
			return false, fmt.Errorf("making a request: %w", err)
		}
		resp, err := c.HTTP.Do(req)
		if err != nil {
			continue
		}
		resp.Body.Close()
		if resp.StatusCode == http.StatusOK && (resp.ContentLength < 0 || resp.ContentLength == f.Size) {
			return true, nil
		}
	}
	return false, context.Cause(ctx)
}

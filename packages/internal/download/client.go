package download

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/slipway-os/slipway/packages/internal/mirror"
)

// Client fetches files. Make one with New.
type Client struct {
	// Mirrors are the archive roots that have the files' paths.
	Mirrors mirror.List
	// Cache is the folder of files named by their SHA-256.
	Cache string
	// HTTP does the requests.
	HTTP *http.Client
	// Tries is how often one address is tried when it fails for a reason that
	// may pass.
	Tries int
	// Backoff is the pause after the first such failure; it doubles.
	Backoff time.Duration
	// Stall is how long a transfer may stand still before it is given up.
	Stall time.Duration

	received atomic.Int64
}

// New returns a client with the settings that suit real mirrors.
func New(mirrors mirror.List, cache string) *Client {
	return &Client{
		Mirrors: mirrors,
		Cache:   cache,
		HTTP: &http.Client{Transport: &http.Transport{
			Proxy:                 http.ProxyFromEnvironment,
			DialContext:           (&net.Dialer{Timeout: 20 * time.Second}).DialContext,
			TLSHandshakeTimeout:   20 * time.Second,
			ResponseHeaderTimeout: time.Minute,
			MaxIdleConnsPerHost:   16,
			DisableCompression:    true,
		}},
		Tries:   4,
		Backoff: 500 * time.Millisecond,
		Stall:   30 * time.Second,
	}
}

// CacheDir returns the folder of downloads: slipway/downloads in the user's
// cache folder ($XDG_CACHE_HOME, or ~/.cache).
func CacheDir() (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("finding the user's cache folder: %w", err)
	}
	return filepath.Join(base, "slipway", "downloads"), nil
}

// Received returns the number of bytes that have come over the network.
func (c *Client) Received() int64 { return c.received.Load() }

// Fetch returns the path of the file in the cache, after fetching it when it
// is not there. When no place has the right bytes the error is a *Failure.
func (c *Client) Fetch(ctx context.Context, f File) (string, error) {
	dest := filepath.Join(c.Cache, f.SHA256)
	if cached(dest, f) {
		return dest, nil
	}
	if err := os.MkdirAll(c.Cache, 0o755); err != nil {
		return "", fmt.Errorf("making the download cache: %w", err)
	}
	part, err := lockPart(dest + ".part")
	if err != nil {
		return "", fmt.Errorf("locking the partial download: %w", err)
	}
	defer part.Close()
	if cached(dest, f) { // another process was faster
		return dest, os.Remove(part.Name())
	}
	if err := c.fill(ctx, f, part); err != nil {
		return "", errors.Join(err, removeEmpty(part))
	}
	// Outputs are hard links to the file: nobody may write to it.
	if err := errors.Join(part.Chmod(0o444), os.Rename(part.Name(), dest)); err != nil {
		return "", fmt.Errorf("keeping %s: %w", f.name(), err)
	}
	return dest, nil
}

// cached tells whether dest holds the file. It reads the file, since outputs
// share its bytes and a disk may have lost some.
func cached(dest string, f File) bool {
	in, err := os.Open(dest)
	if err != nil {
		return false
	}
	defer in.Close()
	size, sum, err := hashFile(in)
	return err == nil && size == f.Size && sum == f.SHA256
}

// removeEmpty removes a partial download from which nothing can be resumed.
// The caller holds its lock.
func removeEmpty(part *os.File) error {
	info, err := part.Stat()
	if err != nil || info.Size() > 0 {
		return err
	}
	return os.Remove(part.Name())
}

// fill writes the bytes of f to part, trying each place in turn.
func (c *Client) fill(ctx context.Context, f File, part *os.File) error {
	failure := &Failure{File: f}
	for _, url := range append(c.Mirrors.URLs(f.Path), f.URLs...) {
		pause := c.Backoff
		for try := 1; ; try++ {
			err := c.attempt(ctx, url, f, part)
			if err == nil {
				return nil
			}
			if ctx.Err() != nil {
				return fmt.Errorf("fetching %s: %w", f.name(), context.Cause(ctx))
			}
			var later *transientError
			if !errors.As(err, &later) || try >= c.Tries {
				failure.Attempts = append(failure.Attempts, Attempt{URL: url, Tries: try, Err: err})
				break
			}
			if err := sleep(ctx, pause); err != nil {
				return fmt.Errorf("fetching %s: %w", f.name(), err)
			}
			pause *= 2
		}
	}
	return failure
}

// sleep waits for d or for the end of ctx.
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

// Place gives the cached file a second name at dest: a hard link where the
// file system allows it, else a copy.
func Place(cached, dest string) error {
	if err := os.Remove(dest); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("replacing %s: %w", dest, err)
	}
	if os.Link(cached, dest) == nil {
		return nil
	}
	return copyFile(cached, dest)
}

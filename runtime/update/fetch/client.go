package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// maxRedirects bounds redirects within a host.
const maxRedirects = 3

// ErrRedirect says that the server pointed to another host, or away from
// https.
var ErrRedirect = errors.New("redirect to another host")

// NewClient returns a client that follows redirects on the same host only. It
// has no time limit of its own: the fetcher's limits hold for every request.
func NewClient(rt http.RoundTripper) *http.Client {
	return &http.Client{Transport: rt, CheckRedirect: func(next *http.Request, via []*http.Request) error {
		if !sameOrigin(via[0].URL, next.URL) {
			return fmt.Errorf("%w: %s", ErrRedirect, next.URL.Host)
		}
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return nil
	}}
}

func sameOrigin(a, b *url.URL) bool { return a.Scheme == b.Scheme && a.Host == b.Host }

// Limits bound what a server can cost the host.
type Limits struct {
	// Bytes is the most that is read in all, failed attempts included; 0 is
	// three times the frames and twice the raw image.
	Bytes int64
	// MinRate is the slowest that a request may be, in bytes a second, over
	// any Window of waiting for it. Time in which the disk is written does not
	// count.
	MinRate int64
	Window  time.Duration
	// Attempts is how often a request is made that brings nothing, Retries how
	// many are made again in all, for each way of fetching.
	Attempts, Retries int
	// Backoff is the pause before the second attempt; it doubles up to
	// MaxBackoff.
	Backoff, MaxBackoff time.Duration
	// Parallel is how many requests are under way at once.
	Parallel int
}

// DefaultLimits are those of hosts: with four requests at once, a line of
// 64 kbit/s is just good enough.
var DefaultLimits = Limits{
	MinRate: 2 << 10, Window: 30 * time.Second,
	Attempts: 4, Retries: 64,
	Backoff: time.Second, MaxBackoff: 30 * time.Second,
	Parallel: 4,
}

// or fills what is zero.
func (l Limits) or(d Limits) Limits {
	fill(&l.Bytes, d.Bytes)
	fill(&l.MinRate, d.MinRate)
	fill(&l.Window, d.Window)
	fill(&l.Attempts, d.Attempts)
	fill(&l.Retries, d.Retries)
	fill(&l.Backoff, d.Backoff)
	fill(&l.MaxBackoff, d.MaxBackoff)
	fill(&l.Parallel, d.Parallel)
	return l
}

func fill[T comparable](to *T, from T) {
	var zero T
	if *to == zero {
		*to = from
	}
}

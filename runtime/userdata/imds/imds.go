// Package imds asks an EC2-style instance metadata service, version 2 only: a
// token is fetched with PUT and shown with every GET. The answers come over an
// unprotected network, so they are bounded, and no redirect is followed.
package imds

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// DefaultBase is where EC2 serves metadata.
const DefaultBase = "http://169.254.169.254"

// MaxAnswer bounds an answer, in bytes.
const MaxAnswer = 1 << 20

// Paths of what this host wants to know.
const (
	PathUserData   = "/latest/user-data"
	PathHostname   = "/latest/meta-data/local-hostname"
	PathInstanceID = "/latest/meta-data/instance-id"
)

// ErrNotFound means that the service has no such item: no user data was given.
var ErrNotFound = errors.New("the metadata service has no such item")

const (
	pathToken   = "/latest/api/token"
	headerToken = "X-aws-ec2-metadata-token"
	headerTTL   = "X-aws-ec2-metadata-token-ttl-seconds"
	tokenTTL    = 6 * time.Hour // the longest that EC2 grants
	maxToken    = 4096          // bytes
	maxHeader   = 64 << 10      // bytes
)

// A Client asks one service. The zero value asks EC2's.
type Client struct {
	Base     string        // URL; "" is DefaultBase
	Attempts int           // at most so many for one item; 0 is 8
	Patience time.Duration // for one attempt; 0 is 10 s
	// Pause waits between attempts; nil sleeps. It returns ctx's error if ctx
	// ends first.
	Pause func(ctx context.Context, d time.Duration) error

	once  sync.Once
	http  *http.Client
	mu    sync.Mutex
	token string
}

// Get returns the item at a path such as PathUserData. It tries again, with
// growing pauses, what may be a passing fault. The error is ErrNotFound where
// the service says 404.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	b, err := c.persist(ctx, path)
	if err != nil {
		return nil, fmt.Errorf("asking the metadata service for %s: %w", path, err)
	}
	return b, nil
}

func (c *Client) persist(ctx context.Context, path string) ([]byte, error) {
	attempts := c.Attempts
	if attempts == 0 {
		attempts = 8
	}
	pause := 200 * time.Millisecond
	for n := 1; ; n++ {
		b, err := c.attempt(ctx, path)
		var final *finalError
		switch {
		case err == nil:
			return b, nil
		case errors.As(err, &final):
			return nil, err
		case n == attempts:
			return nil, fmt.Errorf("%w (%d attempts)", err, n)
		}
		if stopped := c.pause(ctx, pause); stopped != nil {
			return nil, fmt.Errorf("%w, last: %w", stopped, err)
		}
		pause = min(2*pause, 5*time.Second)
	}
}

// attempt asks once; a token that is not taken any more is replaced once.
func (c *Client) attempt(ctx context.Context, path string) ([]byte, error) {
	patience := c.Patience
	if patience == 0 {
		patience = 10 * time.Second
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	token, err := c.heldToken(ctx)
	if err != nil {
		return nil, err
	}
	b, status, err := c.do(ctx, http.MethodGet, path, headerToken, token, MaxAnswer)
	if err == nil && status == http.StatusUnauthorized {
		c.forget(token)
		if token, err = c.heldToken(ctx); err != nil {
			return nil, err
		}
		b, status, err = c.do(ctx, http.MethodGet, path, headerToken, token, MaxAnswer)
	}
	if err != nil {
		return nil, err
	}
	if status == http.StatusNotFound {
		return nil, &finalError{ErrNotFound}
	}
	return b, judge(status)
}

// heldToken returns the token, which it fetches if there is none.
func (c *Client) heldToken(ctx context.Context) (string, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token != "" {
		return c.token, nil
	}
	ttl := strconv.Itoa(int(tokenTTL / time.Second))
	b, status, err := c.do(ctx, http.MethodPut, pathToken, headerTTL, ttl, maxToken)
	if err != nil {
		return "", fmt.Errorf("fetching a token: %w", err)
	}
	if status == http.StatusNotFound || status == http.StatusMethodNotAllowed {
		return "", &finalError{errors.New("fetching a token: the service does not speak IMDSv2")}
	}
	if err := judge(status); err != nil {
		return "", fmt.Errorf("fetching a token: %w", err)
	}
	token := strings.TrimSpace(string(b))
	if token == "" || strings.ContainsFunc(token, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return "", &finalError{errors.New("fetching a token: the answer is no token")}
	}
	c.token = token
	return token, nil
}

// forget drops a token unless another caller has replaced it already.
func (c *Client) forget(token string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.token == token {
		c.token = ""
	}
}

// do sends one request with one header and reads the answer's body.
func (c *Client) do(ctx context.Context, method, path, header, value string, limit int64) ([]byte, int, error) {
	base := c.Base
	if base == "" {
		base = DefaultBase
	}
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(base, "/")+path, nil)
	if err != nil {
		return nil, 0, &finalError{err}
	}
	req.Header.Set(header, value)
	res, err := c.client().Do(req)
	if err != nil {
		return nil, 0, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, res.StatusCode, nil // an error's text is of no use here
	}
	b, err := io.ReadAll(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, 0, fmt.Errorf("reading the answer: %w", err)
	}
	if int64(len(b)) > limit {
		return nil, 0, &finalError{fmt.Errorf("the answer has more than %d bytes", limit)}
	}
	return b, res.StatusCode, nil
}

// client makes the HTTP client: no proxy, no redirects, no connections kept.
func (c *Client) client() *http.Client {
	c.once.Do(func() {
		c.http = &http.Client{
			Transport: &http.Transport{
				DialContext:            (&net.Dialer{Timeout: 3 * time.Second}).DialContext,
				DisableKeepAlives:      true,
				DisableCompression:     true, // user data may be gzip itself
				MaxResponseHeaderBytes: maxHeader,
			},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}
	})
	return c.http
}

func (c *Client) pause(ctx context.Context, d time.Duration) error {
	if c.Pause != nil {
		return c.Pause(ctx, d)
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// A finalError is not worth another attempt.
type finalError struct{ err error }

func (e *finalError) Error() string { return e.err.Error() }
func (e *finalError) Unwrap() error { return e.err }

// judge turns a status into an error; only some may pass.
func judge(status int) error {
	err := fmt.Errorf("HTTP status %d", status)
	switch {
	case status == http.StatusOK:
		return nil
	case status == http.StatusForbidden:
		return &finalError{errors.New("the metadata service is switched off (HTTP status 403)")}
	case status/100 == 3:
		return &finalError{fmt.Errorf("%w: redirects are not followed", err)}
	case status == http.StatusUnauthorized, status == http.StatusTooManyRequests,
		status == http.StatusRequestTimeout, status/100 == 5:
		return err
	}
	return &finalError{err}
}

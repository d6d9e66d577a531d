// Package guest asks a guest's API through its door, a virtio-serial port that
// is a unix socket on this side.
//
// A door carries one conversation at a time and can be knocked at long before
// anybody is behind it: what is asked then waits in the socket until the guest
// opens its side, so the first answer is the event that the API is up.
//
// Questions get lost: UEFI firmware has a driver that opens the door and reads
// what is there, and a guest that restarts forgets. So an attempt has a limit,
// whoever sees the guest's side being shut calls Lost, and questions that
// change nothing are asked again.
package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 64 << 20

// A Client asks one guest.
type Client struct {
	// Attempt is how long one attempt at a question may take.
	Attempt time.Duration
	// Pause is waited between attempts that fail at once.
	Pause time.Duration

	http *http.Client

	mu   sync.Mutex
	lost chan struct{} // closed and replaced by Lost
}

// New returns a client of the door at a unix socket.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	transport := &http.Transport{DialContext: dial, MaxConnsPerHost: 1, DisableCompression: true}
	return &Client{
		Attempt: 15 * time.Second, Pause: 100 * time.Millisecond,
		http: &http.Client{Transport: transport}, lost: make(chan struct{}),
	}
}

// HangUp ends the conversation, so that the next question starts a new one.
func (c *Client) HangUp() { c.http.CloseIdleConnections() }

// Lost ends the attempt that is under way: its question was lost.
func (c *Client) Lost() {
	c.mu.Lock()
	defer c.mu.Unlock()
	close(c.lost)
	c.lost = make(chan struct{})
}

var errLost = errors.New("the guest shut its side")

// attempt returns a context for one attempt.
func (c *Client) attempt(ctx context.Context) (context.Context, context.CancelFunc) {
	c.mu.Lock()
	lost := c.lost
	c.mu.Unlock()
	ctx, stop := context.WithTimeout(ctx, c.Attempt)
	ctx, cancel := context.WithCancelCause(ctx)
	go func() {
		select {
		case <-lost:
			cancel(errLost)
		case <-ctx.Done():
		}
	}()
	return ctx, func() { cancel(nil); stop() }
}

// OS asks GET /os until there is an answer.
func (c *Client) OS(ctx context.Context) (api.OS, error) {
	return get[api.OS](ctx, c, api.PathOS, http.StatusOK)
}

// Health asks GET /health until there is an answer, whatever it says.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	return get[api.Health](ctx, c, api.PathHealth, http.StatusOK, http.StatusServiceUnavailable)
}

// Journal asks for the journal of a boot: 0 is this one, -1 the one before. It
// returns one JSON object a line (systemd.journal-fields(7)).
func (c *Client) Journal(ctx context.Context, boot int) ([]byte, error) {
	return c.again(ctx, fmt.Sprintf("%s?boot=%d&follow=false", api.PathJournal, boot), http.StatusOK)
}

// Reboot asks for POST /actions/reboot, once. Lost does not end it: that the
// guest shuts its side is what was asked for.
func (c *Client) Reboot(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, c.Attempt)
	defer cancel()
	_, err := c.once(ctx, http.MethodPost, api.PathReboot, "", http.StatusAccepted)
	return err
}

// Get asks for a path until there is an answer with status 200.
func (c *Client) Get(ctx context.Context, path string) ([]byte, error) {
	return c.again(ctx, path, http.StatusOK)
}

// Send sends a request that changes something, once. A status of 300 and up is
// a *RefusedError.
func (c *Client) Send(ctx context.Context, method, path, body string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Attempt)
	defer cancel()
	return c.once(ctx, method, path, body, http.StatusOK, http.StatusCreated, http.StatusAccepted, http.StatusNoContent)
}

// get asks for a document until there is an answer.
func get[T any](ctx context.Context, c *Client, path string, accept ...int) (T, error) {
	var document T
	body, err := c.again(ctx, path, accept...)
	if err != nil {
		return document, err
	}
	if err := json.Unmarshal(body, &document); err != nil {
		return document, fmt.Errorf("reading the answer to GET %s: %w: %.200q", path, err, body)
	}
	return document, nil
}

// again asks until the guest answers. An answer that is not accepted is final.
func (c *Client) again(ctx context.Context, path string, accept ...int) ([]byte, error) {
	for attempts := 1; ; attempts++ {
		attempt, cancel := c.attempt(ctx)
		body, err := c.once(attempt, http.MethodGet, path, "", accept...)
		cancel()
		var refused *RefusedError
		if err == nil || errors.As(err, &refused) {
			return body, err
		}
		select {
		case <-ctx.Done():
			if cause := context.Cause(ctx); !errors.Is(err, cause) {
				err = fmt.Errorf("%w (the last: %w)", cause, err)
			}
			return nil, fmt.Errorf("%d attempts: %w", attempts, err)
		case <-time.After(c.Pause):
		}
	}
}

// RefusedError is an answer with a status that was not asked for.
type RefusedError struct {
	Method, Path string
	Status       int
	Body         string
}

// Error says "GET /os: HTTP status 500: BODY".
func (e *RefusedError) Error() string {
	return fmt.Sprintf("%s %s: HTTP status %d: %.500s", e.Method, e.Path, e.Status, e.Body)
}

func (c *Client) once(ctx context.Context, method, path, content string, accept ...int) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://slipway"+path, strings.NewReader(content))
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	for _, status := range accept {
		if res.StatusCode == status {
			return body, nil
		}
	}
	return nil, &RefusedError{Method: method, Path: path, Status: res.StatusCode, Body: string(body)}
}

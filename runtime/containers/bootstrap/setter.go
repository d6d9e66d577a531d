package bootstrap

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

// Times of a Setter.
const (
	setTimeout = 2 * time.Minute // for all attempts
	setPause   = time.Second     // between two
)

// A Setter changes settings through the host's API.
type Setter struct {
	client *http.Client
	pause  time.Duration
}

// NewSetter returns one for the API at the socket.
func NewSetter(socket string) *Setter {
	return &Setter{pause: setPause, client: &http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}}
}

// SetOff sets the mode of GROUP.NAME to off and applies that. While the API
// does not answer it tries again.
func (s *Setter) SetOff(ctx context.Context, group, name string) error {
	ctx, cancel := context.WithTimeout(ctx, setTimeout)
	defer cancel()
	body, err := json.Marshal(map[string]any{group: map[string]any{name: map[string]any{"mode": "off"}}})
	if err != nil {
		return err
	}
	query := "?tx=" + url.QueryEscape(group)
	for {
		err := s.send(ctx, http.MethodPatch, api.PathSettings+query, body)
		if err == nil {
			err = s.send(ctx, http.MethodPost, api.PathTxCommitAndApply+query, nil)
		}
		var refused *api.Problem
		if err == nil || errors.As(err, &refused) && refused.Status < http.StatusInternalServerError {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(s.pause):
		}
	}
}

// send makes one request. What the API refuses is an *api.Problem.
func (s *Setter) send(ctx context.Context, method, path string, body []byte) error {
	r, err := http.NewRequestWithContext(ctx, method, "http://localhost"+path, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	res, err := s.client.Do(r)
	if err != nil {
		return fmt.Errorf("asking the API: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("reading the API's answer: %w", err)
	}
	if res.StatusCode < http.StatusBadRequest {
		return nil
	}
	p := &api.Problem{Title: res.Status, Status: res.StatusCode}
	if json.Unmarshal(b, p) != nil {
		return fmt.Errorf("the API answers %s", res.Status)
	}
	return p
}

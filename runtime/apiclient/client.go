// Package apiclient talks to the host API over its unix socket.
package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"

	"github.com/slipway-os/slipway/runtime/api"
)

// maxAnswer bounds an answer that is kept in memory, in bytes.
const maxAnswer = 16 << 20

// A Client asks the API.
type Client struct {
	http *http.Client
}

// New returns a client of the API on the unix socket at path.
func New(socket string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", socket)
	}
	return &Client{&http.Client{Transport: &http.Transport{DialContext: dial}}}
}

// OS asks for GET /os.
func (c *Client) OS(ctx context.Context) (api.OS, error) {
	var v api.OS
	_, err := c.getJSON(ctx, api.PathOS, &v)
	return v, err
}

// Health asks for GET /health. A host that is not good is no error.
func (c *Client) Health(ctx context.Context) (api.Health, error) {
	var v api.Health
	_, err := c.getJSON(ctx, api.PathHealth, &v)
	return v, err
}

// Do sends a request and returns status and body of the answer. Any HTTP status
// is a success here.
func (c *Client) Do(ctx context.Context, method, path string, body []byte) (int, http.Header, []byte, error) {
	res, err := c.Open(ctx, method, path, body)
	if err != nil {
		return 0, nil, nil, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return 0, nil, nil, fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return res.StatusCode, res.Header, b, nil
}

// Open sends a request and returns the answer with its body to be read, for
// bodies that have no end. The caller closes the body.
func (c *Client) Open(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://slipway"+path, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("asking for %s: %w", path, err)
	}
	if len(body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	res, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("asking the API: %w", err)
	}
	return res, nil
}

// ask sends a request that changes something and decodes the answer unless into
// is nil. A status of 400 and up is an error: the problem document, if there is
// one.
func (c *Client) ask(ctx context.Context, method, path string, body []byte, into any) error {
	status, header, answer, err := c.Do(ctx, method, path, body)
	if err != nil {
		return err
	}
	if p := problemOf(header, answer); p != nil {
		return p
	}
	if status >= http.StatusBadRequest {
		return fmt.Errorf("%s %s: HTTP status %d", method, path, status)
	}
	if into == nil {
		return nil
	}
	if err := json.Unmarshal(answer, into); err != nil {
		return fmt.Errorf("reading the answer to %s %s: %w", method, path, err)
	}
	return nil
}

// getJSON decodes the answer to a GET. A problem document becomes the error.
func (c *Client) getJSON(ctx context.Context, path string, into any) (int, error) {
	status, header, body, err := c.Do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return 0, err
	}
	if p := problemOf(header, body); p != nil {
		return status, fmt.Errorf("asking for %s: %w", path, p)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // numbers are shown as they are
	if err := dec.Decode(into); err != nil {
		return status, fmt.Errorf("reading the answer to GET %s (HTTP status %d): %w", path, status, err)
	}
	return status, nil
}

// problemOf returns the problem document in an answer, nil if it is none.
func problemOf(header http.Header, body []byte) *api.Problem {
	kind, _, _ := mime.ParseMediaType(header.Get("Content-Type"))
	if kind != api.ContentTypeProblem {
		return nil
	}
	p := &api.Problem{Title: "error without a document"}
	if err := json.Unmarshal(body, p); err != nil {
		p.Detail = string(body)
	}
	return p
}

// Package fleetlock is a client of the FleetLock protocol, by which hosts ask
// a server for their turn to restart:
// https://coreos.github.io/zincati/development/fleetlock/protocol/
package fleetlock

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// Bounds of a request.
const (
	timeout   = 30 * time.Second
	maxAnswer = 64 << 10 // bytes
)

// ErrRefused says that the server answered, and that it is not this host's
// turn.
var ErrRefused = errors.New("the FleetLock server refused")

// A Client speaks for one host.
type Client struct {
	HTTP  *http.Client
	URL   string // base URL of the server
	ID    string // of this host, which owns its turn
	Group string
}

// ID makes the name of a host out of its machine ID (32 hex digits), which is
// not to be told to others itself, see machine-id(5).
func ID(machineID string) (string, error) {
	key, err := hex.DecodeString(strings.TrimSpace(machineID))
	if err != nil || len(key) != 16 {
		return "", fmt.Errorf("machine ID %q is not 32 hexadecimal digits", strings.TrimSpace(machineID))
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte("slipway fleet-lock"))
	return hex.EncodeToString(mac.Sum(nil)[:16]), nil
}

// Lock asks for the turn to restart (RecursiveLock). It may be asked again
// while the host has it.
func (c *Client) Lock(ctx context.Context) error { return c.post(ctx, "pre-reboot") }

// Unlock gives the turn back, if the host has it (UnlockIfHeld).
func (c *Client) Unlock(ctx context.Context) error { return c.post(ctx, "steady-state") }

type params struct {
	Client struct {
		ID    string `json:"id"`
		Group string `json:"group"`
	} `json:"client_params"`
}

// refusal is what a server may say of a refusal.
type refusal struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

func (c *Client) post(ctx context.Context, what string) error {
	var p params
	p.Client.ID, p.Client.Group = c.ID, c.Group
	body, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("asking FleetLock for %s: %w", what, err)
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(c.URL, "/")+"/v1/"+what, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("asking FleetLock for %s: %w", what, err)
	}
	req.Header.Set("fleet-lock-protocol", "true")
	req.Header.Set("Content-Type", "application/json")
	res, err := c.HTTP.Do(req)
	if err != nil {
		return fmt.Errorf("asking FleetLock for %s: %w", what, err)
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusOK {
		return nil
	}
	text, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("asking FleetLock for %s: reading the answer: %w", what, err)
	}
	return fmt.Errorf("asking FleetLock for %s: %w: %s", what, ErrRefused, explain(res.StatusCode, text))
}

// explain says why in one line, whatever the server sent.
func explain(status int, text []byte) string {
	var r refusal
	if err := json.Unmarshal(text, &r); err == nil && r.Kind != "" {
		return clean(r.Value) + " (" + clean(r.Kind) + ")"
	}
	return fmt.Sprintf("HTTP status %d", status)
}

// clean keeps what a server says from moving the cursor, and short.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, s)
	if len(s) > 200 {
		s = strings.ToValidUTF8(s[:200], "") + "…"
	}
	return s
}

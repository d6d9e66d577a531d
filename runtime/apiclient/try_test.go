package apiclient_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/api/apitest"
	"github.com/slipway-os/slipway/runtime/apiclient"
)

// Somebody at a terminal is asked whether the change shall stay.
func TestAskAtTheTerminal(t *testing.T) {
	for _, tc := range []struct {
		name, timeout string
		answer        io.Reader
		want          string // the message of the day, in the end
		err           string // part of the error
	}{
		{"yes", "1h", strings.NewReader("y\n"), "tried", ""},
		{"no", "1h", strings.NewReader("\n"), "Welcome to Slipway", "the change was taken back"},
		{"gone", "1h", strings.NewReader(""), "Welcome to Slipway", "the change was taken back"},
		{"asleep", "1s", sleeper{}, "", "it was taken back"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h := apitest.Serve(t)
			out, err := apiclient.AtTerminal(t.Context(), tc.answer, "--socket", h.Socket, "set", "motd=tried", "--try", tc.timeout)
			if !strings.Contains(out, "settings.motd\nKeep it? [y/N] ") {
				t.Errorf("asked %q", out)
			}
			if (err != nil) != (tc.err != "") || err != nil && !strings.Contains(err.Error(), tc.err) {
				t.Errorf("error %v, want %q", err, tc.err)
			}
			if tc.want == "" {
				return // the host takes it back by its own clock
			}
			out, err = apiclient.AtTerminal(context.Background(), nil, "--socket", h.Socket, "get", "motd")
			if err != nil || !strings.HasSuffix(out, tc.want+"\n") {
				t.Errorf("%q, %v; want %s", out, err, tc.want)
			}
		})
	}
}

// sleeper never answers.
type sleeper struct{}

func (sleeper) Read([]byte) (int, error) { select {} }

package imds_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/userdata/imds"
	"github.com/slipway-os/slipway/runtime/userdata/imds/imdstest"
)

// serve starts a service and returns a client of it that does not sleep.
func serve(t *testing.T, h http.Handler) *imds.Client {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return &imds.Client{
		Base:  srv.URL,
		Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
}

func TestGet(t *testing.T) {
	s := &imdstest.Service{Items: map[string]string{
		imds.PathUserData: "motd\n", imds.PathHostname: "ip-10-0-0-1", "/latest/meta-data/empty": "",
	}}
	c := serve(t, s)
	for path, want := range map[string]string{imds.PathUserData: "motd\n", imds.PathHostname: "ip-10-0-0-1", "/latest/meta-data/empty": ""} {
		got, err := c.Get(t.Context(), path)
		if err != nil || string(got) != want {
			t.Errorf("Get(%s) = %q, %v, want %q", path, got, err, want)
		}
	}
	if _, err := c.Get(t.Context(), imds.PathInstanceID); !errors.Is(err, imds.ErrNotFound) {
		t.Errorf("Get of what is not there = %v, want ErrNotFound", err)
	}
	puts := 0
	for _, r := range s.Requests() {
		if strings.HasPrefix(r, "PUT ") {
			puts++
		}
	}
	if puts != 1 {
		t.Errorf("%d tokens were fetched, want one for all", puts)
	}
}

func TestGetReplacesToken(t *testing.T) {
	s := &imdstest.Service{Items: map[string]string{imds.PathUserData: "x"}}
	c := serve(t, s)
	for range 2 {
		if got, err := c.Get(t.Context(), imds.PathUserData); err != nil || string(got) != "x" {
			t.Fatalf("Get = %q, %v", got, err)
		}
		s.Forget()
	}
	want := []string{
		"PUT /latest/api/token", "GET /latest/user-data",
		"GET /latest/user-data", "PUT /latest/api/token", "GET /latest/user-data",
	}
	if d := cmp.Diff(want, s.Requests()); d != "" {
		t.Errorf("requests (-want +got):\n%s", d)
	}
}

// answer gives a token and leaves the rest to get.
func answer(get http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPut {
			_, _ = w.Write([]byte("token"))
			return
		}
		get(w, r)
	})
}

func TestGetTriesAgain(t *testing.T) {
	var n atomic.Int32
	c := serve(t, answer(func(w http.ResponseWriter, _ *http.Request) {
		switch n.Add(1) {
		case 1:
			http.Error(w, "busy", http.StatusServiceUnavailable)
		case 2:
			panic(http.ErrAbortHandler) // the connection breaks
		case 3:
			http.Error(w, "slower", http.StatusTooManyRequests)
		case 4:
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("cut off"))
		default:
			_, _ = w.Write([]byte("at last"))
		}
	}))
	if got, err := c.Get(t.Context(), imds.PathUserData); err != nil || string(got) != "at last" {
		t.Errorf("Get = %q, %v, want the fifth answer", got, err)
	}
}

func TestGetOfBadServices(t *testing.T) {
	var elsewhere atomic.Int32
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	defer other.Close()
	status := func(code int) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) })
	}
	token := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(text)) })
	}
	endless := answer(func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(make([]byte, 64<<10)); err != nil {
				return
			}
		}
	})
	slow := answer(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte("a"))
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for _, tc := range []struct {
		name     string
		service  http.Handler
		patience time.Duration
		want     string
	}{
		{name: "endless", service: endless, want: "more than 1048576 bytes"},
		{name: "endless token", service: token(strings.Repeat("t", 8192)), want: "fetching a token: the answer has more than 4096 bytes"},
		{name: "slow", service: slow, patience: 20 * time.Millisecond, want: "deadline exceeded"},
		{name: "never a valid token", service: answer(status(401).ServeHTTP), want: "HTTP status 401 (3 attempts)"},
		{name: "two lines of token", service: token("a\nb"), want: "fetching a token: the answer is no token"},
		{name: "empty token", service: token(""), want: "fetching a token: the answer is no token"},
		{name: "version 1", service: status(404), want: "fetching a token: the service does not speak IMDSv2"},
		{name: "switched off", service: status(403), want: "switched off"},
		{name: "always broken", service: answer(status(500).ServeHTTP), want: "HTTP status 500 (3 attempts)"},
		{name: "teapot", service: answer(status(418).ServeHTTP), want: "HTTP status 418"},
		{
			name: "redirect", service: answer(http.RedirectHandler(other.URL, http.StatusFound).ServeHTTP),
			want: "HTTP status 302: redirects are not followed",
		},
		{
			name: "redirect of the token", service: http.RedirectHandler(other.URL, http.StatusTemporaryRedirect),
			want: "HTTP status 307: redirects are not followed",
		},
		{
			name: "endless header", service: answer(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X", strings.Repeat("x", 1<<20))
			}),
			want: "headers exceeded",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c := serve(t, tc.service)
			c.Attempts, c.Patience = 3, tc.patience
			got, err := c.Get(t.Context(), imds.PathUserData)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("Get = %d bytes, %v, want an error with %q", len(got), err, tc.want)
			}
		})
	}
	if n := elsewhere.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
}

func TestGetEndsWithContext(t *testing.T) {
	c := serve(t, answer(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) }))
	ctx, cancel := context.WithCancel(t.Context())
	c.Attempts = 1 << 30
	n := 0
	c.Pause = func(ctx context.Context, d time.Duration) error {
		if d > 5*time.Second {
			t.Errorf("a pause of %s, want at most 5 s", d)
		}
		if n++; n == 20 {
			cancel()
		}
		return ctx.Err()
	}
	if _, err := c.Get(ctx, imds.PathUserData); !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "502") {
		t.Errorf("Get = %v, want that it was cancelled and what came last", err)
	}
}

// TestGetSleeps uses the real pause, with a context that ends in it.
func TestGetSleeps(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	srv := httptest.NewServer(answer(func(w http.ResponseWriter, _ *http.Request) {
		cancel()
		w.WriteHeader(http.StatusBadGateway)
	}))
	defer srv.Close()
	c := &imds.Client{Base: srv.URL + "/"}
	if _, err := c.Get(ctx, imds.PathUserData); !errors.Is(err, context.Canceled) {
		t.Errorf("Get = %v, want that it was cancelled", err)
	}
}

package serve_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/slipway-os/slipway/tuf-repo/serve"
)

func site(t *testing.T, content []byte) string {
	dir := t.TempDir()
	for _, name := range []string{"metadata/timestamp.json", "metadata/1.root.json", "targets/stable/file", ".tufrepo/config.json", "secret"} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestAnswers(t *testing.T) {
	server := httptest.NewServer(serve.Handler(site(t, []byte("0123456789")), 0))
	defer server.Close()
	for _, tt := range []struct {
		method, path, ranges string
		status               int
		body, cache          string
	}{
		{"GET", "/targets/stable/file", "", 200, "0123456789", "public, max-age=31536000, immutable"},
		{"GET", "/targets/stable/file", "bytes=2-4", 206, "234", "public, max-age=31536000, immutable"},
		{"GET", "/targets/stable/file", "bytes=20-", 416, "", ""},
		{"GET", "/metadata/timestamp.json", "", 200, "0123456789", "no-cache"},
		{"HEAD", "/metadata/1.root.json", "", 200, "", "public, max-age=31536000, immutable"},
		{"GET", "/metadata/2.root.json", "", 404, "", ""},
		{"GET", "/metadata/", "", 404, "", ""},
		{"GET", "/targets/stable", "", 404, "", ""},
		{"GET", "/.tufrepo/config.json", "", 404, "", ""},
		{"GET", "/secret", "", 404, "", ""},
		{"GET", "/targets/../secret", "", 404, "", ""},
		{"GET", "/targets/%2e%2e/secret", "", 404, "", ""},
		{"PUT", "/targets/stable/file", "", 405, "", ""},
	} {
		req, err := http.NewRequest(tt.method, server.URL+tt.path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.ranges != "" {
			req.Header.Set("Range", tt.ranges)
		}
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if res.StatusCode != tt.status || tt.status < 300 && (string(body) != tt.body || res.Header.Get("Cache-Control") != tt.cache) {
			t.Errorf("%s %s %s = %d %q %q, want %d %q %q", tt.method, tt.path, tt.ranges, res.StatusCode, body, res.Header.Get("Cache-Control"), tt.status, tt.body, tt.cache)
		}
	}
}

// TestThrottle sends more than the limiter's first tenth of a second.
func TestThrottle(t *testing.T) {
	const rate, size = 1 << 20, 400 << 10
	content := bytes.Repeat([]byte("x"), size)
	server := httptest.NewServer(serve.Handler(site(t, content), rate))
	defer server.Close()
	begin := time.Now()
	res, err := http.Get(server.URL + "/targets/stable/file")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || !bytes.Equal(body, content) {
		t.Fatalf("%d bytes, %v", len(body), err)
	}
	// It can only be slower than this, on any machine.
	if took, least := time.Since(begin), time.Second*(size-rate/10)/rate; took < least {
		t.Errorf("%d bytes took %v, want %v or more", size, took, least)
	}
}

func TestRunEnds(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- serve.Run(ctx, l, serve.Handler(t.TempDir(), 0)) }()
	res, err := http.Get("http://" + l.Addr().String() + "/metadata/timestamp.json")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

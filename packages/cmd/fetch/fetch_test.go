package main

import (
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// serve starts a mirror with content at any path of pool/ and counts the
// requests.
func serve(t *testing.T, content string) *int {
	t.Helper()
	requests := new(int)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*requests++
		if !strings.HasPrefix(r.URL.Path, "/pool/") {
			http.NotFound(w, r)
			return
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Errorf("answering: %v", err)
		}
	}))
	t.Cleanup(srv.Close)
	t.Setenv("DEBIAN_MIRROR", srv.URL)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	return requests
}

// writeList writes a list with one file and returns its name.
func writeList(t *testing.T, path, content string) string {
	t.Helper()
	list := filepath.Join(t.TempDir(), "list.json")
	text := fmt.Sprintf(`{"files": [{"path": %q, "size": %d, "sha256": "%x", "output": "out", "pin": "p"}]}`,
		path, len(content), sha256.Sum256([]byte(content)))
	if err := os.WriteFile(list, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestFetch(t *testing.T) {
	requests := serve(t, "content")
	list := writeList(t, "pool/main/p.tar.xz", "content")
	for range 2 {
		out := filepath.Join(t.TempDir(), "new", "folder")
		if err := run(t.Context(), []string{"--list", list, "--output", out}, io.Discard); err != nil {
			t.Fatal(err)
		}
		if data, err := os.ReadFile(filepath.Join(out, "out")); err != nil || string(data) != "content" {
			t.Errorf("the output is %q, %v", data, err)
		}
	}
	if *requests != 1 {
		t.Errorf("%d requests, want 1: the second run has the cache", *requests)
	}
}

func TestFetchFails(t *testing.T) {
	serve(t, "content")
	out := t.TempDir()
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"nothing asked": {nil, "--list FILE and --output DIR are needed"},
		"no list":       {[]string{"--list", "/nowhere", "--output", out}, "reading list"},
		"other content": {[]string{"--list", writeList(t, "pool/main/p.tar.xz", "conten7"), "--output", out},
			"`./bazelw run //packages:pin -- p`"},
		"not there": {[]string{"--list", writeList(t, "gone/p.tar.xz", "content"), "--output", out}, "404 Not Found"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := run(t.Context(), tt.args, io.Discard); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("fetch: %v, want %q", err, tt.want)
			}
		})
	}
	if left, err := os.ReadDir(out); err != nil || len(left) > 0 {
		t.Errorf("a failure left %v, %v", left, err)
	}
}

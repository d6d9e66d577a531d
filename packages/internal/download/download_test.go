package download

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/slipway-os/slipway/packages/internal/mirror"
)

var content = bytes.Repeat([]byte("slipway "), 4096)

// pinned is a pin of content at path.
func pinned(path string) File {
	sum := sha256.Sum256(content)
	return File{Path: path, Size: int64(len(content)), SHA256: hex.EncodeToString(sum[:]), Output: "out"}
}

// serve starts a mirror that answers with handler and returns a client of it
// that loses no time.
func serve(t *testing.T, handler http.HandlerFunc) (*Client, string) {
	t.Helper()
	srv := httptest.NewServer(handler)
	t.Cleanup(srv.Close)
	c := New(mirror.List{srv.URL}, t.TempDir())
	c.Backoff = time.Millisecond
	c.Stall = 200 * time.Millisecond
	return c, srv.URL
}

// whole answers with all of content, or the part that is asked for.
func whole(w http.ResponseWriter, r *http.Request) {
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

// fetchGood fetches a file and checks its bytes.
func fetchGood(t *testing.T, c *Client, f File) {
	t.Helper()
	got, err := c.Fetch(t.Context(), f)
	if err != nil {
		t.Fatalf("Fetch: %v", err)
	}
	if data, err := os.ReadFile(got); err != nil || !bytes.Equal(data, content) {
		t.Fatalf("Fetch gave %d bytes, %v; want the %d of the content", len(data), err, len(content))
	}
}

// fetchBad fetches a file that cannot be had and returns the message.
func fetchBad(t *testing.T, c *Client, f File) string {
	t.Helper()
	_, err := c.Fetch(t.Context(), f)
	var failure *Failure
	if !errors.As(err, &failure) {
		t.Fatalf("Fetch: %v, want a Failure", err)
	}
	if _, err := os.Stat(filepath.Join(c.Cache, f.SHA256)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the cache has the file after a failure: %v", err)
	}
	return err.Error()
}

func TestFetchUsesTheCache(t *testing.T) {
	var requests atomic.Int32
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		whole(w, r)
	})
	fetchGood(t, c, pinned("pool/main/a"))
	fetchGood(t, c, pinned("pool/main/a"))
	if n := requests.Load(); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestFetchRepairsTheCache(t *testing.T) {
	c, _ := serve(t, whole)
	f := pinned("pool/main/a")
	damaged := append([]byte("X"), content[1:]...)
	if err := os.WriteFile(filepath.Join(c.Cache, f.SHA256), damaged, 0o644); err != nil {
		t.Fatal(err)
	}
	fetchGood(t, c, f)
}

func TestFetchTakesTheNextPlace(t *testing.T) {
	var asked []string
	c, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.Path)
		if r.URL.Path != "/upstream" {
			http.NotFound(w, r)
			return
		}
		whole(w, r)
	})
	f := pinned("pool/main/a")
	f.URLs = []string{url + "/upstream"}
	fetchGood(t, c, f)
	if got := strings.Join(asked, " "); got != "/pool/main/a /upstream" {
		t.Errorf("asked %s; a place without the file should be asked once", got)
	}
}

func TestFetchTriesAgain(t *testing.T) {
	tests := map[string]func(w http.ResponseWriter, try int32){
		"server error": func(w http.ResponseWriter, try int32) {
			http.Error(w, "busy", http.StatusServiceUnavailable)
		},
		"truncated": func(w http.ResponseWriter, try int32) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:100])
		},
		"truncated without a length": func(w http.ResponseWriter, try int32) {
			w.Write(content[:100])
			w.(http.Flusher).Flush()
		},
		"stalled": func(w http.ResponseWriter, try int32) {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:100])
			w.(http.Flusher).Flush()
			time.Sleep(time.Second)
		},
		"silent": func(w http.ResponseWriter, try int32) { time.Sleep(time.Second) },
	}
	for name, fault := range tests {
		t.Run(name, func(t *testing.T) {
			var tries atomic.Int32
			c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if try := tries.Add(1); try < 3 {
					fault(w, try)
					return
				}
				whole(w, r)
			})
			fetchGood(t, c, pinned("pool/main/a"))
			if n := tries.Load(); n != 3 {
				t.Errorf("%d tries, want 3", n)
			}
		})
	}
}

func TestFetchResumes(t *testing.T) {
	var ranges []string
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		ranges = append(ranges, r.Header.Get("Range"))
		if len(ranges) == 1 {
			w.Header().Set("Content-Length", fmt.Sprint(len(content)))
			w.Write(content[:1000])
			return
		}
		whole(w, r)
	})
	fetchGood(t, c, pinned("pool/main/a"))
	if len(ranges) != 2 || ranges[1] != "bytes=1000-" {
		t.Errorf("ranges asked for: %q, want the second to begin at 1000", ranges)
	}
	if got := c.Received(); got != int64(len(content)) {
		t.Errorf("received %d bytes, want %d: none twice", got, len(content))
	}
}

func TestFetchDropsAForeignPart(t *testing.T) {
	for name, size := range map[string]int{"shorter": 500, "whole": len(content), "longer": len(content) + 5} {
		t.Run(name, func(t *testing.T) {
			c, _ := serve(t, whole)
			f := pinned("pool/main/a")
			part := filepath.Join(c.Cache, f.SHA256+".part")
			if err := os.WriteFile(part, bytes.Repeat([]byte("?"), size), 0o644); err != nil {
				t.Fatal(err)
			}
			fetchGood(t, c, f)
			if _, err := os.Stat(part); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the partial download is still there: %v", err)
			}
		})
	}
}

func TestFailureNamesEverything(t *testing.T) {
	other := bytes.Repeat([]byte("!"), len(content))
	c, url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/changed":
			w.Write(other)
		case "/broken":
			http.Error(w, "", http.StatusInternalServerError)
		case "/longer":
			w.Write(append(content, "more"...))
		default:
			http.NotFound(w, r)
		}
	})
	f := pinned("pool/main/z/zlib/zlib.tar.xz")
	f.Pin = "zlib"
	f.URLs = []string{url + "/changed", url + "/broken", url + "/longer"}
	message := fetchBad(t, c, f)
	found := sha256.Sum256(other)
	for _, want := range []string{
		"fetching pool/main/z/zlib/zlib.tar.xz failed",
		"expected sha256 " + f.SHA256 + ", 32768 bytes",
		url + "/pool/main/z/zlib/zlib.tar.xz: 404 Not Found\n",
		fmt.Sprintf("%s/changed: found sha256 %x, 32768 bytes\n", url, found),
		url + "/broken: 500 Internal Server Error (tried 4 times)\n",
		url + "/longer: found sha256 ",
		"`./bazelw run //packages:pin -- zlib`",
		"DEBIAN_MIRROR",
	} {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q:\n%s", want, message)
		}
	}
}

func TestFailureWithoutAnyMirror(t *testing.T) {
	c := New(nil, t.TempDir())
	message := fetchBad(t, c, pinned("pool/main/a"))
	for _, want := range []string{"no Debian mirror is known", "`./bazelw run //packages:lock`"} {
		if !strings.Contains(message, want) {
			t.Errorf("the message lacks %q:\n%s", want, message)
		}
	}
}

func TestFetchEndsWithItsContext(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	c.Stall = time.Minute
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Fetch(ctx, pinned("pool/main/a")); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Fetch: %v, want the deadline", err)
	}
}

func TestFetchAll(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.Path, "missing") {
			http.NotFound(w, r)
			return
		}
		whole(w, r)
	})
	var files []File
	for i := range 20 {
		f := pinned(fmt.Sprintf("pool/main/%d", i))
		f.Output = fmt.Sprint(i)
		files = append(files, f)
	}
	dir := t.TempDir()
	if err := c.FetchAll(t.Context(), files, dir, 8, io.Discard); err != nil {
		t.Fatalf("FetchAll: %v", err)
	}
	for _, f := range files {
		if data, err := os.ReadFile(filepath.Join(dir, f.Output)); err != nil || !bytes.Equal(data, content) {
			t.Errorf("%s has %d bytes, %v", f.Output, len(data), err)
		}
	}

	lost := []File{pinned("missing/1"), pinned("missing/2")}
	lost[0].SHA256 = strings.Repeat("0", 64)
	lost[1].SHA256 = strings.Repeat("1", 64)
	err := c.FetchAll(t.Context(), lost, dir, 8, io.Discard)
	for _, f := range lost {
		if err == nil || !strings.Contains(err.Error(), f.Path) {
			t.Errorf("FetchAll: %v, want it to name %s", err, f.Path)
		}
	}
}

func TestExists(t *testing.T) {
	c, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/pool/main/a" {
			http.NotFound(w, r)
			return
		}
		whole(w, r)
	})
	other := pinned("pool/main/a")
	other.Size++
	for _, tt := range []struct {
		name string
		file File
		want bool
	}{
		{"there", pinned("pool/main/a"), true},
		{"gone", pinned("pool/main/b"), false},
		{"another size", other, false},
	} {
		if got, err := c.Exists(t.Context(), tt.file); err != nil || got != tt.want {
			t.Errorf("%s: Exists: %v, %v; want %v", tt.name, got, err, tt.want)
		}
	}
}

package image_test

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	ggcr "github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// A registry is go-containerregistry's, with faults to order.
type registry struct {
	host string
	srv  *httptest.Server
	real http.Handler

	fail  func(r *http.Request) int                         // a status, 0: none
	spoil func(n int, w http.ResponseWriter, b []byte)      // sends the Nth blob
	login func(w http.ResponseWriter, r *http.Request) bool // false: answered

	mu    sync.Mutex
	query string
	nblob int
}

func newRegistry(t *testing.T) *registry {
	r := &registry{real: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))}
	r.start(t, httptest.NewServer(r))
	return r
}

func newTLSRegistry(t *testing.T) *registry {
	r := &registry{real: ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0)))}
	srv := httptest.NewUnstartedServer(r)
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	srv.StartTLS()
	r.start(t, srv)
	return r
}

func (r *registry) start(t *testing.T, srv *httptest.Server) {
	r.srv, r.host = srv, srv.Listener.Addr().String()
	t.Cleanup(func() { srv.CloseClientConnections(); srv.Close() })
}

func (r *registry) authority() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.srv.Certificate().Raw})
}

func (r *registry) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	r.mu.Lock()
	r.query = q.URL.RawQuery
	r.mu.Unlock()
	if q.Header.Get("X-Push") == "" {
		if r.login != nil && !r.login(w, q) {
			return
		}
		if r.fail != nil {
			if status := r.fail(q); status != 0 {
				w.WriteHeader(status)
				return
			}
		}
	}
	if q.Method != http.MethodGet || !strings.Contains(q.URL.Path, "/blobs/") {
		r.real.ServeHTTP(w, q)
		return
	}
	r.mu.Lock()
	r.nblob++
	n := r.nblob
	r.mu.Unlock()
	if r.spoil == nil {
		r.real.ServeHTTP(w, q)
		return
	}
	q.Header.Del("Range")
	rec := httptest.NewRecorder()
	r.real.ServeHTTP(rec, q)
	r.spoil(n, w, bytes.Clone(rec.Body.Bytes()))
}

func (r *registry) lastQuery() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.query
}

// blobs counts the blobs that were asked for.
func (r *registry) blobs() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.nblob
}

// basic and token make the registry want user u with password p.
func (r *registry) basic() {
	r.login = func(w http.ResponseWriter, q *http.Request) bool {
		if user, password, _ := q.BasicAuth(); user == "u" && password == "p" {
			return true
		}
		w.Header().Set("WWW-Authenticate", `Basic realm="test"`)
		w.WriteHeader(http.StatusUnauthorized)
		return false
	}
}

func (r *registry) token() {
	r.login = func(w http.ResponseWriter, q *http.Request) bool {
		if q.URL.Path == "/token" {
			if user, password, _ := q.BasicAuth(); user != "u" || password != "p" {
				w.WriteHeader(http.StatusUnauthorized)
				return false
			}
			fmt.Fprint(w, `{"token":"granted"}`)
			return false
		}
		if q.Header.Get("Authorization") == "Bearer granted" {
			return true
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="http://%s/token",service="test"`, r.host))
		w.WriteHeader(http.StatusUnauthorized)
		return false
	}
}

// pusher marks requests of the test itself.
type pusher struct{ base http.RoundTripper }

func (p pusher) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("X-Push", "1")
	return p.base.RoundTrip(r)
}

func (r *registry) ref(t *testing.T, path string) (name.Reference, remote.Option) {
	t.Helper()
	ref, err := name.ParseReference(r.host + "/" + path)
	if err != nil {
		t.Fatal(err)
	}
	return ref, remote.WithTransport(pusher{r.srv.Client().Transport})
}

// push makes an image with random layers and returns its digest.
func (r *registry) push(t *testing.T, path string, layers int64) string {
	t.Helper()
	img := imageFor(t, runtime.GOARCH, layers)
	ref, with := r.ref(t, path)
	if err := remote.Write(ref, img, with); err != nil {
		t.Fatal(err)
	}
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

// pushIndex makes an index with images for this machine and for another.
func (r *registry) pushIndex(t *testing.T, path string) {
	t.Helper()
	index := v1.ImageIndex(empty.Index)
	for _, arch := range []string{"riscv64", runtime.GOARCH} {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add: imageFor(t, arch, 1), Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: arch}},
		})
	}
	ref, with := r.ref(t, path)
	if err := remote.WriteIndex(ref, index, with); err != nil {
		t.Fatal(err)
	}
}

// imageFor makes an image of random layers of 64 KiB.
func imageFor(t *testing.T, arch string, layers int64) v1.Image {
	t.Helper()
	img, err := random.Image(64<<10, layers)
	if err != nil {
		t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", arch
	if img, err = mutate.ConfigFile(img, config); err != nil {
		t.Fatal(err)
	}
	return img
}

func whole(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	_, _ = w.Write(b)
}

// cut announces all and sends half.
func cut(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	_, _ = w.Write(b[:len(b)/2])
	panic(http.ErrAbortHandler)
}

// stall sends half and then nothing.
func stall(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	_, _ = w.Write(b[:len(b)/2])
	_ = http.NewResponseController(w).Flush()
	time.Sleep(time.Second) // the client has given up long before
	panic(http.ErrAbortHandler)
}

// dribble sends all in small pieces.
func dribble(w http.ResponseWriter, b []byte) {
	w.Header().Set("Content-Length", fmt.Sprint(len(b)))
	for len(b) > 0 {
		n := min(len(b), 8<<10)
		_, _ = w.Write(b[:n])
		_ = http.NewResponseController(w).Flush()
		b = b[n:]
		time.Sleep(time.Millisecond)
	}
}

func discard() *slog.Logger { return slog.New(slog.DiscardHandler) }

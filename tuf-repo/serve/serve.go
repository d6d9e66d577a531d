// Package serve is an HTTP server for trials of a repository: files of
// metadata/ and targets/, with ranges, as slow as one asks for. It does no
// more than any file server can.
package serve

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// Handler serves a repository's folder. rate is the number of bytes that all
// answers together send in a second; 0: no limit.
func Handler(dir string, bytesPerSecond int) http.Handler {
	s := &server{dir: dir}
	if bytesPerSecond > 0 {
		s.limit = rate.NewLimiter(rate.Limit(bytesPerSecond), max(bytesPerSecond/10, 1))
	}
	return s
}

type server struct {
	dir   string
	limit *rate.Limiter
}

// ServeHTTP answers GET and HEAD for plain files of the two public folders.
func (s *server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "files can only be read", http.StatusMethodNotAllowed)
		return
	}
	name := strings.TrimPrefix(path.Clean("/"+req.URL.Path), "/")
	top, _, _ := strings.Cut(name, "/")
	if top != repo.MetadataDir && top != repo.TargetsDir {
		http.NotFound(w, req)
		return
	}
	f, err := os.Open(filepath.Join(s.dir, filepath.FromSlash(name)))
	if errors.Is(err, fs.ErrNotExist) {
		http.NotFound(w, req)
		return
	}
	if err != nil {
		http.Error(w, "the file cannot be read", http.StatusInternalServerError)
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		http.NotFound(w, req)
		return
	}
	w.Header().Set("Cache-Control", caching(name))
	w.Header().Set("Content-Type", contentType(name))
	http.ServeContent(w, req, "", info.ModTime(), &slow{f, s.limit, req.Context()})
}

// caching lets caches keep all files but the one that changes.
func caching(name string) string {
	if path.Base(name) == "timestamp.json" {
		return "no-cache"
	}
	return "public, max-age=31536000, immutable"
}

func contentType(name string) string {
	if path.Ext(name) == ".json" {
		return "application/json"
	}
	return "application/octet-stream"
}

// slow is a file that is read no faster than the limit. The file is a field
// of its own, so that the server cannot send it past Read.
type slow struct {
	file  *os.File
	limit *rate.Limiter
	ctx   context.Context
}

func (s *slow) Seek(offset int64, whence int) (int64, error) { return s.file.Seek(offset, whence) }

func (s *slow) Read(b []byte) (int, error) {
	if s.limit == nil {
		return s.file.Read(b)
	}
	n, err := s.file.Read(b[:min(len(b), s.limit.Burst())])
	if n > 0 {
		if err := s.limit.WaitN(s.ctx, n); err != nil {
			return 0, err
		}
	}
	return n, err
}

// Run serves on a listener until the context ends.
func Run(ctx context.Context, l net.Listener, h http.Handler) error {
	server := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

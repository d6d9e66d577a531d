// Package repo makes and changes a TUF 1.0 update repository in a folder:
//
//	metadata/   N.root.json, N.targets.json, N.CHANNEL.json, N.snapshot.json, timestamp.json
//	targets/    CHANNEL/manifest.json, CHANNEL/VARIANT/ARCH/VERSION/NAME, hash-prefixed
//	.tufrepo/   what the tool needs and no host reads: config, staged images, a waiting rotation
//
// Snapshots are consistent, channels are delegated roles. Each change writes
// new files only and publishes them by renaming timestamp.json last, so that
// a host, and a tool that died, always see a whole repository.
package repo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/key"
)

// Names of folders in a repository.
const (
	MetadataDir = "metadata"
	TargetsDir  = "targets"
	privateDir  = ".tufrepo"
)

// Options are what a repository works with.
type Options struct {
	Disk *disk.Disk       // nil: a plain one
	Ring *key.Ring        // keys at hand; nil: none
	Now  func() time.Time // nil: time.Now
	// Progress wraps the reader of a file of size bytes that is being copied;
	// nil: no progress.
	Progress func(name string, size int64, r io.Reader) io.Reader
}

// Repository is a folder that this process alone may change until Close.
type Repository struct {
	Options
	Dir    string
	config Config
	unlock func()
}

// ErrNone says that a folder holds no repository.
var ErrNone = errors.New("there is no repository here (tufrepo init makes one)")

// Open takes the repository in a folder. The error is ErrNone where there is
// none.
func Open(dir string, o Options) (*Repository, error) {
	path := filepath.Join(dir, privateDir, "config.json")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("opening repository %s: %w", dir, ErrNone)
	}
	if err != nil {
		return nil, fmt.Errorf("opening repository %s: %w", dir, err)
	}
	r := newRepository(dir, o)
	if r.config, err = parseConfig(data); err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	if r.unlock, err = disk.Lock(r.private("lock")); err != nil {
		return nil, err
	}
	return r, nil
}

func newRepository(dir string, o Options) *Repository {
	if o.Disk == nil {
		o.Disk = &disk.Disk{}
	}
	if o.Ring == nil {
		o.Ring = key.NewRing()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Progress == nil {
		o.Progress = func(_ string, _ int64, r io.Reader) io.Reader { return r }
	}
	return &Repository{Options: o, Dir: dir, unlock: func() {}}
}

// Close lets others change the repository.
func (r *Repository) Close() { r.unlock() }

func (r *Repository) metadata(name string) string { return filepath.Join(r.Dir, MetadataDir, name) }
func (r *Repository) private(parts ...string) string {
	return filepath.Join(append([]string{r.Dir, privateDir}, parts...)...)
}

// target is where a target's file lies; sum is its SHA-256 in hexadecimal
// digits (TUF 1.0, 6.2: hash-prefixed names).
func (r *Repository) target(path, sum string) string {
	dir, name := filepath.Split(filepath.FromSlash(path))
	return filepath.Join(r.Dir, TargetsDir, dir, sum+"."+name)
}

func (r *Repository) writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	return r.Disk.Write(path, append(data, '\n'), 0o644)
}

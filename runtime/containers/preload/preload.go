// Package preload imports images that lie on STATE as archives, for sites
// without a network.
package preload

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/runtime/containers/image"
)

// Dir is where the archives are, with names that end in ".tar": OCI layouts or
// what docker save writes. StatePath keeps what was imported.
const (
	Dir       = "/var/lib/slipway/preload"
	StatePath = "/var/lib/slipway/preload.json"
)

// A Loader imports archives.
type Loader struct {
	Root string // folder that stands for the host's root; "" is the real one
	// Host is the store of the host's own containers, Workload that of all
	// others. They are opened only if there is something to import.
	Host, Workload func() (image.Store, error)
	// IsHost tells which images the host's own containers are made of.
	IsHost func(name string) bool
	Log    *slog.Logger
}

// archive is what is known of a file.
type archive struct {
	Size     int64    `json:"size"`
	Modified int64    `json:"modified"` // Unix nanoseconds
	SHA256   string   `json:"sha256"`
	Images   []string `json:"images"`
}

// Load imports every archive that was not imported yet, or whose images are not
// there any more. An archive that is broken keeps no other from it: the error
// joins one for each, which names the file.
func (l *Loader) Load(ctx context.Context) error {
	files, err := filepath.Glob(filepath.Join("/", l.Root, Dir, "*.tar"))
	if err != nil {
		return err
	}
	known, err := l.read()
	if err != nil {
		l.Log.Warn("all archives are imported anew", "error", err)
	}
	now := map[string]archive{}
	var failed []error
	for _, file := range files {
		name := filepath.Base(file)
		a, err := l.file(ctx, file, known)
		if err != nil {
			l.Log.Error("archive is not imported", "file", file, "error", err)
			failed = append(failed, fmt.Errorf("importing %s: %w", file, err))
			continue
		}
		now[name] = a
	}
	if len(files) > 0 || len(known) > 0 {
		failed = append(failed, l.write(now))
	}
	return errors.Join(failed...)
}

// file imports one archive if need be.
func (l *Loader) file(ctx context.Context, file string, known map[string]archive) (archive, error) {
	info, err := os.Stat(file)
	if err != nil {
		return archive{}, err
	}
	if !info.Mode().IsRegular() {
		return archive{}, errors.New("this is not a regular file")
	}
	a := archive{Size: info.Size(), Modified: info.ModTime().UnixNano()}
	before, ok := known[filepath.Base(file)]
	if ok && before.Size == a.Size && before.Modified == a.Modified {
		a.SHA256, a.Images = before.SHA256, before.Images
		if here, err := l.here(ctx, a); err != nil || here {
			return a, err
		}
	}
	if a.Images, a.SHA256, err = scan(file); err != nil {
		return archive{}, err
	}
	for _, other := range known {
		if other.SHA256 != a.SHA256 {
			continue
		}
		if here, err := l.here(ctx, a); err != nil || here {
			return a, err
		}
		break
	}
	return a, l.load(ctx, file, a)
}

// scan lists an archive's images and its digest.
func scan(file string) (names []string, digest string, err error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, "", err
	}
	defer f.Close()
	hash := sha256.New()
	if names, err = image.Names(io.TeeReader(f, hash)); err != nil {
		return nil, "", err
	}
	return names, hex.EncodeToString(hash.Sum(nil)), nil
}

// store is where an image belongs.
func (l *Loader) store(name string) (image.Store, error) {
	if l.IsHost(name) {
		return l.Host()
	}
	return l.Workload()
}

// here tells whether all images of an archive are where they belong.
func (l *Loader) here(ctx context.Context, a archive) (bool, error) {
	for _, name := range a.Images {
		s, err := l.store(name)
		if err != nil {
			return false, err
		}
		switch _, err := image.Find(ctx, s, name); {
		case errors.Is(err, image.ErrNotHere):
			return false, nil
		case err != nil:
			return false, err
		}
	}
	return true, nil
}

// load imports an archive into the store or stores that its images belong to.
func (l *Loader) load(ctx context.Context, file string, a archive) error {
	for _, host := range []bool{true, false} {
		mine := func(name string) bool { return l.IsHost(name) == host }
		if !slices.ContainsFunc(a.Images, mine) {
			continue
		}
		open, where := l.Workload, "workloads"
		if host {
			open, where = l.Host, "host containers"
		}
		s, err := open()
		if err != nil {
			return err
		}
		got, err := l.into(ctx, s, file, mine)
		for _, img := range got {
			l.Log.Info("image is imported", "image", img, "file", file, "for", where)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *Loader) into(ctx context.Context, s image.Store, file string, mine func(string) bool) ([]string, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	got, err := image.Import(ctx, s, f, mine)
	var names []string
	for _, img := range got {
		names = append(names, img.Name)
	}
	return names, err
}

func (l *Loader) read() (map[string]archive, error) {
	b, err := os.ReadFile(filepath.Join("/", l.Root, StatePath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what was imported: %w", err)
	}
	var known map[string]archive
	if err := json.Unmarshal(b, &known); err != nil {
		return nil, fmt.Errorf("reading what was imported in %s: %w", StatePath, err)
	}
	return known, nil
}

func (l *Loader) write(now map[string]archive) error {
	b, err := json.MarshalIndent(now, "", "  ")
	if err != nil {
		return fmt.Errorf("noting what was imported: %w", err)
	}
	path := filepath.Join("/", l.Root, StatePath)
	if old, err := os.ReadFile(path); err == nil && strings.TrimSpace(string(old)) == string(b) {
		return nil
	}
	if err := renameio.WriteFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("noting what was imported: %w", err)
	}
	return nil
}

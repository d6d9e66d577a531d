// Package mirror copies an update repository, or some of its channels, into a
// folder for sites that cannot reach it. Everything is verified by a TUF
// client on the way, from a root that the caller trusts; a mirror that died at
// any point is the old one, whole.
package mirror

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/client"
	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// Options of a copy.
type Options struct {
	Source   client.Source
	Root     []byte   // trusted root
	Channels []string // none: all
	Dir      string   // the mirror; a new folder or an older mirror
	Disk     *disk.Disk
	Now      time.Time // zero: the clock's
	Progress func(name string, size int64, r io.Reader) io.Reader
}

// Report is what a copy did.
type Report struct {
	Channels []string `json:"channels"`
	Files    int      `json:"files"`   // targets of the mirror
	Fetched  int      `json:"fetched"` // those that were not there
	Bytes    int64    `json:"bytes"`   // of the fetched ones
}

// Copy makes or renews a mirror. Targets come first; then the metadata, all
// files of it at once, by an exchange of folders. The mirror's memory of what
// it has seen (in .mirror/) keeps a source from going back.
func Copy(ctx context.Context, o Options) (*Report, error) {
	if o.Disk == nil {
		o.Disk = &disk.Disk{}
	}
	if o.Progress == nil {
		o.Progress = func(_ string, _ int64, r io.Reader) io.Reader { return r }
	}
	cache := filepath.Join(o.Dir, ".mirror")
	if err := o.Disk.MkdirAll(cache); err != nil {
		return nil, err
	}
	unlock, err := disk.Lock(filepath.Join(cache, "lock"))
	if err != nil {
		return nil, err
	}
	defer unlock()
	c, err := client.New(ctx, o.Root, cache, o.Source, o.Now)
	if err != nil {
		return nil, err
	}
	if err := c.Refresh(); err != nil {
		return nil, err
	}
	report := &Report{Channels: o.Channels}
	if len(o.Channels) == 0 {
		report.Channels = c.Channels()
	}
	for _, name := range report.Channels {
		if err := o.copyChannel(ctx, c, name, report); err != nil {
			return nil, err
		}
	}
	if err := o.copyMetadata(c); err != nil {
		return nil, fmt.Errorf("copying metadata: %w", err)
	}
	return report, nil
}

// copyChannel fetches what a channel's manifest lists, and the manifest.
func (o *Options) copyChannel(ctx context.Context, c *client.Client, name string, report *Report) error {
	m, err := c.Manifest(ctx, name)
	if err != nil {
		return err
	}
	paths := []string{manifest.Path(name)}
	for n := range m.Images {
		i := &m.Images[n]
		for k := range i.Artefacts {
			paths = append(paths, m.TargetPath(i, &i.Artefacts[k]))
		}
	}
	for _, path := range paths {
		if err := o.copyTarget(ctx, c, path, report); err != nil {
			return err
		}
	}
	return nil
}

func (o *Options) copyTarget(ctx context.Context, c *client.Client, path string, report *Report) error {
	t, err := c.Target(path)
	if err != nil {
		return fmt.Errorf("fetching target %s: %w", path, err)
	}
	report.Files++
	to := filepath.Join(o.Dir, repo.TargetsDir, filepath.FromSlash(client.RemoteName(t)))
	if ok, err := holds(to, t); err != nil || ok {
		return err
	}
	body, err := c.Open(ctx, t)
	if err != nil {
		return err
	}
	defer body.Close()
	if _, err := o.Disk.Copy(to, o.Progress(path, t.Length, body), t.Length, 0o644); err != nil {
		return err
	}
	report.Fetched++
	report.Bytes += t.Length
	return nil
}

func holds(path string, t *metadata.TargetFiles) (bool, error) {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	h := sha256.New()
	n, err := io.Copy(h, f)
	return n == t.Length && hex.EncodeToString(h.Sum(nil)) == hex.EncodeToString(t.Hashes["sha256"]), err
}

// copyMetadata writes the new metadata into a folder of its own, which then
// takes the old one's place: no order of single files would keep a mirror
// valid across every change of keys.
func (o *Options) copyMetadata(c *client.Client) error {
	files, err := metadataFiles(c)
	if err != nil {
		return err
	}
	dir := filepath.Join(o.Dir, repo.MetadataDir)
	beside := dir + disk.Suffix
	if err := o.Disk.RemoveAll(beside); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := o.Disk.Write(filepath.Join(beside, name), files[name], 0o644); err != nil {
			return err
		}
	}
	return o.Disk.Replace(beside, dir)
}

// metadataFiles are the files of one snapshot, and all roots.
func metadataFiles(c *client.Client) (map[string][]byte, error) {
	roots, err := c.Roots()
	if err != nil {
		return nil, err
	}
	roles, err := c.Roles()
	if err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, role := range append(roots, roles...) {
		name := fmt.Sprintf("%d.%s.json", role.Version, role.Name)
		if role.Name == metadata.TIMESTAMP {
			name = "timestamp.json"
		}
		files[name] = role.Data
	}
	return files, nil
}

package repo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// entryName is the file that makes a staged folder whole; it is written last.
const entryName = "entry.json"

// Addition is an image to stage.
type Addition struct {
	Channel string
	// Artifacts is a folder as `imagetool build --artifacts` makes it.
	Artifacts string
	// Files are further artefacts.
	Files []File
	// Variant is the image's; empty: VARIANT_ID of the os-release in its UKI.
	Variant    string
	MinVersion string
	Waves      []manifest.Wave
	Paused     bool
}

// Staged is an image that waits to be published.
type Staged struct {
	Channel string         `json:"channel"`
	Image   manifest.Image `json:"image"`
}

// Add copies an image's artefacts into the staging area and checks them
// against the sums of image.json. The same version may be added again before
// it is published; the later one counts.
func (r *Repository) Add(a Addition) (*Staged, error) {
	s, err := r.Load()
	if err != nil {
		return nil, err
	}
	c, err := s.channel(a.Channel)
	if err != nil {
		return nil, err
	}
	image, files, err := describe(a)
	if err != nil {
		return nil, fmt.Errorf("adding %s: %w", a.Artifacts, err)
	}
	old := c.Manifest.Find(image.Variant, image.Arch, image.Version)
	staged, err := r.stage(a.Channel, *image, files)
	if err != nil {
		return nil, fmt.Errorf("adding %s: %w", image, err)
	}
	if old != nil && !sameBytes(old, &staged.Image) {
		return nil, errors.Join(errPublished(old), r.Disk.RemoveAll(r.stagingDir(staged)))
	}
	return staged, nil
}

func errPublished(i *manifest.Image) error {
	return fmt.Errorf("%s is published with other bytes: a version never changes, give this build a new one", i)
}

// sameBytes reports whether two images have the same artefacts.
func sameBytes(a, b *manifest.Image) bool {
	byName := func(i *manifest.Image) map[manifest.Artefact]bool {
		m := map[manifest.Artefact]bool{}
		for _, artefact := range i.Artefacts {
			m[artefact] = true
		}
		return m
	}
	am, bm := byName(a), byName(b)
	for artefact := range am {
		if !bm[artefact] {
			return false
		}
	}
	return len(am) == len(bm) && a.RootHash == b.RootHash
}

func (r *Repository) stagingDir(s *Staged) string {
	return r.private("staging", s.Channel, s.Image.Variant, s.Image.Arch, s.Image.Version)
}

func (r *Repository) stage(channel string, image manifest.Image, files []File) (*Staged, error) {
	staged := &Staged{Channel: channel, Image: image}
	dir := r.stagingDir(staged)
	if err := r.Disk.RemoveAll(dir); err != nil {
		return nil, err
	}
	for _, f := range files {
		a, err := r.copyArtefact(f, filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, err
		}
		staged.Image.Artefacts = append(staged.Image.Artefacts, *a)
	}
	probe := &manifest.Manifest{Schema: manifest.Schema, Channel: channel, Images: []manifest.Image{staged.Image}}
	if _, err := manifest.Encode(probe); err != nil {
		return nil, errors.Join(err, r.Disk.RemoveAll(dir))
	}
	return staged, r.writeJSON(filepath.Join(dir, entryName), staged)
}

// copyArtefact copies a file to its place in the staging area or among the
// targets, with a look at what it should be.
func (r *Repository) copyArtefact(f File, to string) (*manifest.Artefact, error) {
	src, err := os.Open(f.Path)
	if err != nil {
		return nil, err
	}
	defer src.Close()
	info, err := src.Stat()
	if err != nil {
		return nil, err
	}
	sum, err := r.Disk.Copy(to, r.Progress(f.Name(), info.Size(), src), info.Size(), 0o644)
	if err != nil {
		return nil, err
	}
	if f.SHA256 != "" && (sum != f.SHA256 || info.Size() != f.Size) {
		return nil, errors.Join(
			fmt.Errorf("%s has %d bytes with SHA-256 %s, expected were %d with %s", f.Path, info.Size(), sum, f.Size, f.SHA256),
			r.Disk.RemoveAll(to))
	}
	return &manifest.Artefact{Name: f.Name(), Role: f.Role, From: f.From, Size: info.Size(), SHA256: sum}, nil
}

// Staged lists the whole images that wait to be published, of one channel or,
// for "", of all.
func (r *Repository) Staged(channel string) ([]*Staged, error) {
	var all []*Staged
	err := filepath.WalkDir(r.private("staging"), func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || d.Name() != entryName {
			return err
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		s := &Staged{}
		if err := json.Unmarshal(data, s); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		if r.stagingDir(s) != filepath.Dir(path) {
			return fmt.Errorf("%s: it is of %s in channel %q", path, &s.Image, s.Channel)
		}
		if channel == "" || s.Channel == channel {
			all = append(all, s)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing staged images: %w", err)
	}
	slices.SortFunc(all, func(a, b *Staged) int { return manifest.CompareVersions(a.Image.Version, b.Image.Version) })
	return all, nil
}

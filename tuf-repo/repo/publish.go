package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// Publish puts staged images into their channels, of one channel or, for "",
// of all, and signs these channels anew, also where nothing was staged for a
// channel that is named. Targets are signed anew where less than half of
// their time is left and their keys are at hand.
func (r *Repository) Publish(channel string) ([]*Staged, error) {
	s, err := r.Load()
	if err != nil {
		return nil, err
	}
	staged, err := r.Staged(channel)
	if err != nil {
		return nil, err
	}
	var channels []string
	if channel != "" {
		channels = append(channels, channel)
	}
	for _, e := range staged {
		if !slices.Contains(channels, e.Channel) {
			channels = append(channels, e.Channel)
		}
	}
	if len(channels) == 0 {
		return nil, errors.New("nothing is staged to publish (tufrepo add stages an image)")
	}
	for _, name := range channels {
		if _, err := s.channel(name); err != nil {
			return nil, err
		}
	}
	if err := r.requireOnline(s, channels...); err != nil {
		return nil, err
	}
	for _, e := range staged {
		if err := r.enter(s, e); err != nil {
			return nil, fmt.Errorf("publishing %s: %w", &e.Image, err)
		}
	}
	if err := r.commit(s, r.shouldRenewTargets(s), channels...); err != nil {
		return nil, err
	}
	return staged, r.unstage(staged)
}

func (r *Repository) shouldRenewTargets(s *State) bool {
	left := s.Targets.Signed.Expires.Sub(r.Now())
	return left < r.config.Expiry[metadata.TARGETS]/2 && r.require(metadata.TARGETS, s.rootRole(metadata.TARGETS)) == nil
}

// enter copies a staged image's artefacts to the targets and lists it.
func (r *Repository) enter(s *State, e *Staged) error {
	m := s.Channels[e.Channel].Manifest
	if old := m.Find(e.Image.Variant, e.Image.Arch, e.Image.Version); old != nil && !sameBytes(old, &e.Image) {
		return errPublished(old)
	}
	for n := range e.Image.Artefacts {
		a := &e.Image.Artefacts[n]
		to := r.target(m.TargetPath(&e.Image, a), a.SHA256)
		if ok, err := holds(to, a); err != nil {
			return err
		} else if ok {
			continue
		}
		from := File{Path: filepath.Join(r.stagingDir(e), a.Name), Role: a.Role, From: a.From, Size: a.Size, SHA256: a.SHA256}
		if _, err := r.copyArtefact(from, to); err != nil {
			return err
		}
	}
	m.Put(e.Image)
	return nil
}

// holds reports whether a file is the artefact.
func holds(path string, a *manifest.Artefact) (bool, error) {
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
	return n == a.Size && hex.EncodeToString(h.Sum(nil)) == a.SHA256, err
}

// unstage removes what was published. The entry goes first: without it a
// folder is nothing.
func (r *Repository) unstage(staged []*Staged) error {
	for _, e := range staged {
		dir := r.stagingDir(e)
		if err := r.Disk.RemoveAll(filepath.Join(dir, entryName)); err != nil {
			return err
		}
		if err := r.Disk.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// Refresh signs a new snapshot and a new timestamp, and nothing else.
func (r *Repository) Refresh() error {
	s, err := r.Load()
	if err != nil {
		return err
	}
	if err := r.requireOnline(s); err != nil {
		return err
	}
	return r.commit(s, false)
}

// Choice names published images of a channel: empty fields match all.
type Choice struct{ Channel, Variant, Arch, Version string }

func (c Choice) matches(i *manifest.Image) bool {
	return (c.Variant == "" || c.Variant == i.Variant) && (c.Arch == "" || c.Arch == i.Arch) && c.Version == i.Version
}

// Change changes the published images that a choice names, and publishes the
// channel. It returns them as they are then.
func (r *Repository) Change(c Choice, change func(*manifest.Image)) ([]*manifest.Image, error) {
	s, err := r.Load()
	if err != nil {
		return nil, err
	}
	channel, err := s.channel(c.Channel)
	if err != nil {
		return nil, err
	}
	if err := r.requireOnline(s, c.Channel); err != nil {
		return nil, err
	}
	var images []*manifest.Image
	for n := range channel.Manifest.Images {
		if i := &channel.Manifest.Images[n]; c.matches(i) {
			change(i)
			images = append(images, i)
		}
	}
	if len(images) == 0 {
		return nil, fmt.Errorf("channel %q has no image of version %q that fits", c.Channel, c.Version)
	}
	return images, r.commit(s, r.shouldRenewTargets(s), c.Channel)
}

// Package manifest is the list of what a channel of an update repository
// offers: for each variant, architecture and version the artefacts, who may
// take them, and when. The repository's tool writes it and hosts read it; it
// does no I/O. The format is described in docs/reference/manifest.md.
package manifest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"time"
)

// Schema is the version of the format that this package writes, and the
// newest that it reads.
const Schema = 1

// Seeds is the number of seeds: a host draws one of 0..Seeds-1, once.
const Seeds = 2048

// Name is the file name of a channel's manifest.
const Name = "manifest.json"

// Role says what an artefact is for in an update.
type Role string

// Roles of artefacts. A host passes over roles that it does not know.
const (
	RoleRoot   Role = "root"   // whole root file system (root.erofs)
	RoleVerity Role = "verity" // its dm-verity hash tree (root.verity)
	RoleUKI    Role = "uki"    // unified kernel image (uki.efi)
	RoleFacts  Role = "facts"  // what the build says of the image (image.json)
	RoleIndex  Role = "index"  // leaf hashes of the root's blocks (root.index)
	RoleFrames Role = "frames" // the root as independent zstd frames (root.frames)
	RolePatch  Role = "patch"  // from another version; Artefact.From names it

	RoleUKIIndex  Role = "uki-index"  // hashes of the UKI's blocks (uki.index)
	RoleUKIFrames Role = "uki-frames" // the UKI as frames (uki.frames)
)

// Manifest is the content of one channel.
type Manifest struct {
	Schema  int     `json:"schema"`
	Channel string  `json:"channel"`
	Images  []Image `json:"images"`
}

// Image is one version of a variant for an architecture.
type Image struct {
	Variant string `json:"variant"`
	Arch    string `json:"arch"`
	Version string `json:"version"`
	// RootHash is the dm-verity root hash, in hexadecimal digits.
	RootHash string `json:"root_hash"`
	// MinVersion is the lowest version that may update straight to this one;
	// empty: any.
	MinVersion string     `json:"min_version,omitempty"`
	Artefacts  []Artefact `json:"artefacts"`
	// Waves say when hosts may update, by their seeds; none: at once.
	Waves []Wave `json:"waves,omitempty"`
	// Paused images are offered to nobody.
	Paused bool `json:"paused,omitempty"`
}

// Artefact is one file of an image.
type Artefact struct {
	Name   string `json:"name"`
	Role   Role   `json:"role"`
	Size   int64  `json:"size"` // bytes
	SHA256 string `json:"sha256"`
	// From is the version that a patch applies to; only patches have it.
	From string `json:"from,omitempty"`
}

// Wave lets hosts with seeds up to LastSeed update from Start on. Seeds up to
// the previous wave's LastSeed belong to that one.
type Wave struct {
	LastSeed int       `json:"last_seed"`
	Start    time.Time `json:"start"`
}

// Path is the manifest's target path in its repository.
func Path(channel string) string { return channel + "/" + Name }

// Delegated returns the target path patterns that a channel's role may sign.
func Delegated(channel string) []string {
	return []string{Path(channel), channel + "/*/*/*/*"}
}

// TargetPath is an artefact's target path in the repository.
func (m *Manifest) TargetPath(i *Image, a *Artefact) string {
	return path.Join(m.Channel, i.Variant, i.Arch, i.Version, a.Name)
}

// Find returns an image, nil if there is none.
func (m *Manifest) Find(variant, arch, version string) *Image {
	for n := range m.Images {
		if i := &m.Images[n]; i.Variant == variant && i.Arch == arch && i.Version == version {
			return i
		}
	}
	return nil
}

// Put adds an image, or replaces the one of its variant, arch and version.
func (m *Manifest) Put(i Image) {
	if old := m.Find(i.Variant, i.Arch, i.Version); old != nil {
		*old = i
		return
	}
	m.Images = append(m.Images, i)
}

// Artefact returns the image's first artefact with a role, nil if there is
// none.
func (i *Image) Artefact(r Role) *Artefact {
	for n := range i.Artefacts {
		if i.Artefacts[n].Role == r {
			return &i.Artefacts[n]
		}
	}
	return nil
}

// Patch returns the patch from a version, nil if there is none.
func (i *Image) Patch(from string) *Artefact {
	for n := range i.Artefacts {
		if a := &i.Artefacts[n]; a.Role == RolePatch && a.From == from {
			return a
		}
	}
	return nil
}

// String names the image: variant, architecture and version.
func (i *Image) String() string { return i.Variant + "/" + i.Arch + "/" + i.Version }

// Encode checks a manifest and returns its canonical bytes: images in order
// of variant, architecture and version, artefacts by name, times in UTC.
// Equal manifests have equal bytes.
func Encode(m *Manifest) ([]byte, error) {
	c := m.canonical()
	if err := c.check(); err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(c); err != nil {
		return nil, fmt.Errorf("encoding the manifest: %w", err)
	}
	if b.Len() > MaxSize {
		return nil, fmt.Errorf("encoding the manifest: %d bytes are more than %d", b.Len(), MaxSize)
	}
	return b.Bytes(), nil
}

// canonical returns a sorted deep copy.
func (m *Manifest) canonical() *Manifest {
	c := *m
	c.Images = slices.Clone(m.Images)
	if c.Images == nil {
		c.Images = []Image{}
	}
	for n := range c.Images {
		i := &c.Images[n]
		i.Artefacts = slices.SortedFunc(slices.Values(i.Artefacts), func(a, b Artefact) int { return strings.Compare(a.Name, b.Name) })
		i.Waves = slices.Clone(i.Waves)
		for w := range i.Waves {
			i.Waves[w].Start = i.Waves[w].Start.UTC().Truncate(time.Second)
		}
	}
	slices.SortStableFunc(c.Images, func(a, b Image) int {
		if c := strings.Compare(a.Variant, b.Variant); c != 0 {
			return c
		}
		if c := strings.Compare(a.Arch, b.Arch); c != 0 {
			return c
		}
		return CompareVersions(a.Version, b.Version)
	})
	return &c
}

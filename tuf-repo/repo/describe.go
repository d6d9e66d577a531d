package repo

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/imagetool/osrelease"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// factsName is the file that says what is in a folder of artefacts.
const factsName = "image.json"

// roles of the files that imagetool writes.
var roles = map[string]manifest.Role{
	"root.erofs": manifest.RoleRoot, "root.verity": manifest.RoleVerity, "uki.efi": manifest.RoleUKI,
	factsName: manifest.RoleFacts, "root.index": manifest.RoleIndex, "root.frames": manifest.RoleFrames,
	"uki.index": manifest.RoleUKIIndex, "uki.frames": manifest.RoleUKIFrames,
}

// File is an artefact on its way into the repository.
type File struct {
	Path string
	Role manifest.Role
	From string // version that a patch applies to
	// Size and SHA256 are what the file must be; "" takes any.
	Size   int64
	SHA256 string
}

// Name is the artefact's name.
func (f File) Name() string { return filepath.Base(f.Path) }

// ParseFile reads ROLE=PATH, or patch@VERSION=PATH.
func ParseFile(s string) (File, error) {
	role, path, ok := strings.Cut(s, "=")
	role, from, _ := strings.Cut(role, "@")
	if !ok || path == "" || role == "" || (role == string(manifest.RolePatch)) != (from != "") {
		return File{}, fmt.Errorf("file %q is not ROLE=PATH or patch@VERSION=PATH", s)
	}
	return File{Path: path, Role: manifest.Role(role), From: from}, nil
}

// facts is the part of image.json that is looked at.
type facts struct {
	Version   string `json:"version"`
	Arch      string `json:"arch"`
	RootHash  string `json:"root_hash"`
	Artifacts map[string]struct {
		Size   int64  `json:"size_bytes"`
		SHA256 string `json:"sha256"`
	} `json:"artifacts"`
}

// describe finds out what image a folder holds, and its files.
func describe(a Addition) (*manifest.Image, []File, error) {
	path := filepath.Join(a.Artifacts, factsName)
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var f facts
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	files := append([]File{{Path: path, Role: manifest.RoleFacts}}, a.Files...)
	for name, artefact := range f.Artifacts {
		role, ok := roles[name]
		if !ok {
			return nil, nil, fmt.Errorf("%s lists %q: no role is known for that name", path, name)
		}
		files = append(files, File{Path: filepath.Join(a.Artifacts, name), Role: role, Size: artefact.Size, SHA256: artefact.SHA256})
	}
	for _, file := range files {
		if file.Name() == entryName {
			return nil, nil, fmt.Errorf("%s: an artefact cannot have that name", file.Path)
		}
	}
	slices.SortFunc(files, func(a, b File) int { return strings.Compare(a.Name(), b.Name()) })
	variant, err := variantOf(a, f.Version)
	if err != nil {
		return nil, nil, err
	}
	for kind, s := range map[string]string{"variant": variant, "arch": f.Arch} {
		if err := manifest.CheckName(kind, s); err != nil {
			return nil, nil, err
		}
	}
	if !manifest.ValidVersion(f.Version) {
		return nil, nil, fmt.Errorf("%s: version %q is not like 1.2.3 or 1.2.3-rc.1", path, f.Version)
	}
	return &manifest.Image{
		Variant: variant, Arch: f.Arch, Version: f.Version, RootHash: f.RootHash,
		MinVersion: a.MinVersion, Waves: a.Waves, Paused: a.Paused,
	}, files, nil
}

// variantOf is what the addition says, or the os-release in the UKI.
func variantOf(a Addition, version string) (string, error) {
	path := filepath.Join(a.Artifacts, "uki.efi")
	data, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	f, err := uki.Parse(data)
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	content, err := f.Content(".osrel")
	if err != nil {
		return "", fmt.Errorf("%s: %w", path, err)
	}
	vars, err := osrelease.Parse(content)
	if err != nil {
		return "", fmt.Errorf("%s: os-release: %w", path, err)
	}
	if vars["VERSION_ID"] != version {
		return "", fmt.Errorf("%s is of version %q, but %s says %q", path, vars["VERSION_ID"], factsName, version)
	}
	variant := vars["VARIANT_ID"]
	if a.Variant != "" && variant != "" && a.Variant != variant {
		return "", fmt.Errorf("%s is of variant %q and not of %q", path, variant, a.Variant)
	}
	if variant == "" {
		variant = a.Variant
	}
	if variant == "" {
		return "", fmt.Errorf("%s: its os-release has no VARIANT_ID; name the variant", path)
	}
	return variant, nil
}

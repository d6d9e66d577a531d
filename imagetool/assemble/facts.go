package assemble

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/imagetool/inspect"
)

// Facts is what image.json says about an image.
type Facts struct {
	ID         string              `json:"id"`
	Version    string              `json:"version"`
	Arch       string              `json:"arch"`
	Kernel     string              `json:"kernel"`
	RootHash   string              `json:"root_hash"`
	Salt       string              `json:"salt"`
	DataBlocks int64               `json:"data_blocks"`
	Cmdline    string              `json:"cmdline"`
	Artifacts  map[string]Artifact `json:"artifacts"`
	Disk       Artifact            `json:"disk"`
	inspect.Report
}

// Artifact is a file that the build made.
type Artifact struct {
	Size   int64  `json:"size_bytes"`
	SHA256 string `json:"sha256"`
}

// facts reads them back from the image and the parts.
func (b *build) facts(f *os.File) (*Facts, error) {
	report, err := inspect.Image(f, b.layout.DiskSize())
	if err != nil {
		return nil, fmt.Errorf("reading the new image: %w", err)
	}
	facts := &Facts{
		ID: b.id, Version: b.Version, Arch: b.arch.Arch(), Kernel: b.uname,
		RootHash: b.root.Hash.String(), Salt: hex.EncodeToString(b.root.Salt), DataBlocks: b.root.Blocks,
		Cmdline: b.line, Artifacts: map[string]Artifact{}, Report: *report,
	}
	for _, path := range append(b.parts(), f.Name()) {
		a, err := artifact(path)
		if err != nil {
			return nil, fmt.Errorf("computing checksum: %w", err)
		}
		if path == f.Name() {
			facts.Disk = a
		} else {
			facts.Artifacts[filepath.Base(path)] = a
		}
	}
	for name, data := range b.ukiParts() {
		sum := sha256.Sum256(data)
		facts.Artifacts[name] = Artifact{Size: int64(len(data)), SHA256: hex.EncodeToString(sum[:])}
	}
	return facts, nil
}

// ukiParts returns the artefacts about the unified kernel image by their names.
func (b *build) ukiParts() map[string][]byte {
	parts := map[string][]byte{"uki.efi": b.uki}
	if b.Artifacts != "" {
		parts["uki.frames"], parts["uki.index"] = b.ukiFrames, b.ukiIndex
	}
	return parts
}

func artifact(path string) (Artifact, error) {
	digest, err := fileDigest(path)
	if err != nil {
		return Artifact{}, err
	}
	info, err := os.Stat(path)
	if err != nil {
		return Artifact{}, err
	}
	return Artifact{Size: info.Size(), SHA256: digest}, nil
}

// writeArtifacts writes the parts of the image and image.json.
func (b *build) writeArtifacts(facts *Facts) error {
	if b.Artifacts == "" {
		return nil
	}
	if err := os.MkdirAll(b.Artifacts, 0o755); err != nil {
		return err
	}
	js, err := json.MarshalIndent(facts, "", "  ")
	if err != nil {
		return err
	}
	for _, path := range b.parts() {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if err := b.writeArtifact(filepath.Base(path), data); err != nil {
			return err
		}
	}
	for name, data := range b.ukiParts() {
		if err := b.writeArtifact(name, data); err != nil {
			return err
		}
	}
	return b.writeArtifact("image.json", append(js, '\n'))
}

func (b *build) writeArtifact(name string, data []byte) error {
	path := filepath.Join(b.Artifacts, name)
	return renameio.WriteFile(path, data, 0o644, renameio.WithTempDir(b.Artifacts), renameio.IgnoreUmask())
}

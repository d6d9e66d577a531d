package assemble

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/disk"
	"github.com/slipway-os/slipway/imagetool/erofs"
	"github.com/slipway-os/slipway/imagetool/layout"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/imagetool/verity"
)

// Salt is the dm-verity salt of the product. It is the same for every image,
// so that equal blocks have equal hashes across versions, by which an update
// finds the blocks that a host has already. It is no secret.
var Salt = sha256.Sum256([]byte("slipway dm-verity salt, version 1"))

// makeRoot makes the root file system and its hash tree in tmp.
func (b *build) makeRoot(ctx context.Context) error {
	tarball, err := b.rootTar()
	if err != nil {
		return err
	}
	digest, err := fileDigest(tarball)
	if err != nil {
		return fmt.Errorf("reading root file system: %w", err)
	}
	label := b.id
	if len(label) > 15 {
		label = label[:15]
	}
	o := erofs.Options{Root: b.layout.Root, Time: b.Time, Label: label, UUID: disk.GUID(digest + "/root")}
	if err := b.Makers.EROFS(ctx, b.rootPath(), tarball, o); err != nil {
		return err
	}
	if err := b.hashRoot(); err != nil {
		return err
	}
	if b.Artifacts == "" {
		return nil
	}
	if err := b.cutRoot(); err != nil {
		return fmt.Errorf("cutting the root file system into frames: %w", err)
	}
	return nil
}

func (b *build) rootPath() string   { return filepath.Join(b.tmp, "root.erofs") }
func (b *build) hashPath() string   { return filepath.Join(b.tmp, "root.verity") }
func (b *build) framesPath() string { return filepath.Join(b.tmp, "root.frames") }
func (b *build) indexPath() string  { return filepath.Join(b.tmp, "root.index") }

// parts lists the files about the root file system that were made.
func (b *build) parts() []string {
	parts := []string{b.rootPath(), b.hashPath()}
	if b.Artifacts != "" {
		parts = append(parts, b.framesPath(), b.indexPath())
	}
	return parts
}

// cutRoot makes frames and index of the root file system, for updates.
func (b *build) cutRoot() error {
	data, err := os.Open(b.rootPath())
	if err != nil {
		return err
	}
	defer data.Close()
	out, err := os.Create(b.framesPath())
	if err != nil {
		return err
	}
	index, err := blocks.Write(out, data, blocks.Options{Size: b.root.Blocks * verity.BlockSize, Salt: Salt, Root: b.root.Hash})
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return os.WriteFile(b.indexPath(), index.Marshal(), 0o644)
}

// hashRoot checks the size of the EROFS image and makes its hash tree. The
// superblock's UUID is the GUID of the HASH partition.
func (b *build) hashRoot() error {
	data, err := os.Open(b.rootPath())
	if err != nil {
		return err
	}
	defer data.Close()
	sb, err := erofs.ReadSuperblock(data)
	if err != nil {
		return fmt.Errorf("reading the new root file system: %w", err)
	}
	info, err := data.Stat()
	if err != nil {
		return err
	}
	if info.Size() != sb.Size() {
		return fmt.Errorf("mkfs.erofs made %d bytes, the superblock says %d", info.Size(), sb.Size())
	}
	if p := b.layout.Find(layout.RootFS, "A"); sb.Size() > int64(p.Size) {
		return fmt.Errorf("root file system has %d bytes, partition %q has %s: enlarge it in the layout", sb.Size(), p.Label, p.Size)
	}
	hash, err := os.Create(b.hashPath())
	if err != nil {
		return err
	}
	defer hash.Close()
	vsb := verity.Superblock{DataBlocks: int64(sb.Blocks), Salt: Salt[:]}
	b.root = cmdline.Root{Salt: Salt[:], Blocks: vsb.DataBlocks}
	if b.root.Hash, err = verity.Tree(data, hash, vsb); err != nil {
		return fmt.Errorf("making hash tree: %w", err)
	}
	vsb.UUID = b.root.HashGUID()
	return verity.WriteSuperblock(hash, vsb)
}

func (b *build) makeUKI() error {
	var err error
	if b.line, err = cmdline.Build(b.root, b.Options.Cmdline); err != nil {
		return err
	}
	parts := uki.Parts{Stub: b.stub, Kernel: b.kernel, OSRelease: b.osRelease, Cmdline: b.line, Uname: b.uname}
	if b.uki, err = uki.Build(parts); err != nil {
		return fmt.Errorf("making unified kernel image: %w", err)
	}
	if b.Artifacts == "" {
		return nil
	}
	if err := b.cutUKI(); err != nil {
		return fmt.Errorf("cutting the unified kernel image into frames: %w", err)
	}
	return nil
}

// cutUKI makes frames and index of the unified kernel image: its kernel is most
// of what an update of a small package would else fetch.
func (b *build) cutUKI() error {
	var frames bytes.Buffer
	o := blocks.Options{Size: int64(len(b.uki)), Salt: Salt, Root: sha256.Sum256(b.uki)}
	index, err := blocks.Write(&frames, bytes.NewReader(b.uki), o)
	if err != nil {
		return err
	}
	b.ukiFrames, b.ukiIndex = frames.Bytes(), index.Marshal()
	return nil
}

// fileDigest returns the SHA-256 of a file as hexadecimal digits.
func fileDigest(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

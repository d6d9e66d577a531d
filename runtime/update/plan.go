package update

import (
	"bytes"
	"context"
	"fmt"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/osrelease"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// Bounds of the files of a version, in bytes; those of metadata are in go-tuf.
const (
	maxUKI    = 96 << 20
	maxFrames = 2 * blocks.MaxSize
)

// plan is what a version consists of, verified as far as it can be before its
// files are there.
type plan struct {
	target target
	source string // for people
	root   cmdline.Root
	index  *blocks.Index
	frames *artefact
	raw    string // URL of the uncompressed image, "" if there is none
	uki    *artefact
	// ukiIndex and ukiFrames are nil where the UKI comes in one piece.
	ukiIndex, ukiFrames *artefact
}

// plan looks at the repository again, since the version may have been taken
// back, and reads the version's index.
func (u *Updater) plan(ctx context.Context, t target) (*plan, error) {
	c, err := u.Settings(ctx)
	if err != nil {
		return nil, err
	}
	r, err := u.look(ctx, c)
	if saved := u.noteChecked(ctx, err); err == nil {
		err = saved
	}
	if err != nil {
		return nil, err
	}
	image, err := r.offered(t)
	if err != nil {
		return nil, err
	}
	p := &plan{target: t, source: fmt.Sprintf("channel %s of %s", c.Channel, c.MetadataURL)}
	index, err := p.find(r, image)
	if err != nil {
		return nil, err
	}
	data, err := u.file(ctx, index)
	if err != nil {
		return nil, err
	}
	if p.index, err = blocks.ParseIndex(data); err != nil {
		return nil, fmt.Errorf("reading %s: %w", index.Name, err)
	}
	if got := p.index.Root.String(); got != t.RootHash {
		return nil, fmt.Errorf("reading %s: it is of the root hash %s, not of %s, which version %s has", index.Name, got, t.RootHash, t.Version)
	}
	if n := p.index.FramesSize(); n != p.frames.Size {
		return nil, fmt.Errorf("reading %s: it is of %d bytes of frames, and %d were published", index.Name, n, p.frames.Size)
	}
	p.root = cmdline.Root{Hash: p.index.Root, Salt: bytes.Clone(p.index.Salt[:]), Blocks: int64(p.index.Blocks())}
	return p, nil
}

// find finds the files of an image and returns that of the index.
func (p *plan) find(r *repository, i *manifest.Image) (index *artefact, err error) {
	if index, err = r.need(i, manifest.RoleIndex, blocks.MaxIndexSize); err != nil {
		return nil, err
	}
	if p.frames, err = r.need(i, manifest.RoleFrames, maxFrames); err != nil {
		return nil, err
	}
	if p.uki, err = r.need(i, manifest.RoleUKI, maxUKI); err != nil {
		return nil, err
	}
	raw, err := r.artefact(i, manifest.RoleRoot)
	if err != nil {
		return nil, err
	}
	if raw != nil {
		p.raw = raw.url
	}
	if p.ukiIndex, err = r.artefact(i, manifest.RoleUKIIndex); err != nil {
		return nil, err
	}
	p.ukiFrames, err = r.artefact(i, manifest.RoleUKIFrames)
	return index, err
}

// bootImage fetches the UKI: of the one that runs most blocks are the same.
func (u *Updater) bootImage(ctx context.Context, p *plan) ([]byte, error) {
	if p.ukiIndex != nil && p.ukiFrames != nil && p.ukiIndex.Size <= blocks.MaxIndexSize {
		data, err := u.bootImageByBlocks(ctx, p)
		if err == nil {
			return data, p.check(data)
		}
		if ctx.Err() != nil {
			return nil, err
		}
		u.Log.Warn("update", "version", p.target.Version, "error", err, "next", "the whole boot image is fetched")
	}
	data, err := u.file(ctx, p.uki)
	if err != nil {
		return nil, err
	}
	return data, p.check(data)
}

func (u *Updater) bootImageByBlocks(ctx context.Context, p *plan) ([]byte, error) {
	data, err := u.file(ctx, p.ukiIndex)
	if err != nil {
		return nil, err
	}
	index, err := blocks.ParseIndex(data)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p.ukiIndex.Name, err)
	}
	if index.Size != p.uki.Size || index.Root.String() != p.uki.SHA256 {
		return nil, fmt.Errorf("reading %s: it is of another file than %s", p.ukiIndex.Name, p.uki.Name)
	}
	running, err := u.Boot.Image()
	if err != nil {
		return nil, fmt.Errorf("reading the boot image that runs: %w", err)
	}
	data, report, err := fetch.File(ctx, fetch.Job{Client: u.HTTP, Index: index, Frames: p.ukiFrames.url, Limits: u.Limits}, running)
	u.Log.Info("update", "boot image of", p.target.Version, "fetched", report.Bytes, "requests", report.Requests)
	return data, err
}

// check makes sure that a boot image is of the version, the variant and the
// root that were chosen: all of it is signed, but whoever publishes can mix
// things up.
func (p *plan) check(data []byte) error {
	wrong := func(format string, args ...any) error {
		return fmt.Errorf("boot image %s is not that of version %s: %w", p.uki.Name, p.target.Version, fmt.Errorf(format, args...))
	}
	f, err := uki.Parse(data)
	if err != nil {
		return wrong("%w", err)
	}
	release, err := f.Content(".osrel")
	if err != nil {
		return wrong("%w", err)
	}
	line, err := f.Content(".cmdline")
	if err != nil {
		return wrong("%w", err)
	}
	vars, err := osrelease.Parse(release)
	if err != nil {
		return wrong("%w", err)
	}
	for _, v := range []struct{ what, got, want string }{
		{"variant", vars["VARIANT_ID"], p.target.Variant},
		{"version", vars["VERSION_ID"], p.target.Version},
		{"architecture", f.Machine.Arch(), p.target.Arch},
	} {
		if v.got != v.want {
			return wrong("its %s is %q, want %q", v.what, v.got, v.want)
		}
	}
	root, err := cmdline.Parse(string(bytes.TrimRight(line, "\x00\n ")))
	if err != nil {
		return wrong("%w", err)
	}
	if root.String() != p.root.String() {
		return wrong("it boots the root hash %s of %d blocks, want %s of %d", root.Hash, root.Blocks, p.root.Hash, p.root.Blocks)
	}
	return nil
}

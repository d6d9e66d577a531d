// Package assemble builds a bootable disk image from a root file system, a
// kernel, a boot loader and a layout.
package assemble

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/imagetool/budget"
	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/erofs"
	"github.com/slipway-os/slipway/imagetool/ext4"
	"github.com/slipway-os/slipway/imagetool/layout"
	"github.com/slipway-os/slipway/imagetool/osrelease"
	"github.com/slipway-os/slipway/imagetool/rootfs"
	"github.com/slipway-os/slipway/imagetool/uki"
)

// Options are the inputs of an image; all paths but Artifacts must be set.
type Options struct {
	Rootfs     []string // tar archives; more than one are merged
	Kernel     string
	Stub       string
	Bootloader string
	OSRelease  string
	Layout     string
	Cmdline    string // added to the command line
	Version    string // must be os-release's VERSION_ID
	Output     string
	Artifacts  string    // folder for the parts; empty for none
	Time       time.Time // every time in the image

	// Makers make the file systems; the zero value runs mkfs.erofs and
	// mkfs.ext4.
	Makers Makers
	// Report is where the budget table goes; nil for nowhere.
	Report io.Writer
}

// Makers are the steps that need foreign programs.
type Makers struct {
	EROFS func(ctx context.Context, path, tarball string, o erofs.Options) error
	Ext4  func(ctx context.Context, path string, o ext4.Options) error
}

// build is the state of one run.
type build struct {
	Options
	layout    *layout.Layout
	id        string
	osRelease []byte
	stub      []byte
	kernel    []byte
	uname     string
	boot      []byte
	arch      uki.Machine
	tmp       string // folder for intermediate files
	root      cmdline.Root
	line      string
	uki       []byte
	ukiFrames []byte // for updates; nil where no artefacts are asked for
	ukiIndex  []byte
}

// Image builds the image. Output and artefacts appear whole or not at all.
func Image(ctx context.Context, o Options) (*Facts, error) {
	b := &build{Options: o}
	if b.Makers.EROFS == nil {
		b.Makers.EROFS = erofs.Make
	}
	if b.Makers.Ext4 == nil {
		b.Makers.Ext4 = ext4.Make
	}
	if b.Report == nil {
		b.Report = io.Discard
	}
	if err := b.readInputs(); err != nil {
		return nil, err
	}
	tmp, err := os.MkdirTemp("", "imagetool-")
	if err != nil {
		return nil, fmt.Errorf("making a folder for intermediate files: %w", err)
	}
	defer os.RemoveAll(tmp)
	b.tmp = tmp
	if err := b.makeRoot(ctx); err != nil {
		return nil, err
	}
	if err := b.makeUKI(); err != nil {
		return nil, err
	}
	return b.finish(ctx)
}

// finish writes the image beside its place, gathers the facts from it, and
// puts image and artefacts in place.
func (b *build) finish(ctx context.Context) (*Facts, error) {
	out, err := renameio.NewPendingFile(b.Output, renameio.WithTempDir(filepath.Dir(b.Output)), renameio.WithPermissions(0o644))
	if err != nil {
		return nil, fmt.Errorf("creating image: %w", err)
	}
	defer out.Cleanup()
	if err := b.writeDisk(ctx, out.File); err != nil {
		return nil, fmt.Errorf("writing image: %w", err)
	}
	facts, err := b.facts(out.File)
	if err != nil {
		return nil, err
	}
	lines := facts.Budget()
	if err := budget.Write(b.Report, lines, b.layout.Budget.LimitPercent); err != nil {
		return nil, fmt.Errorf("writing budget: %w", err)
	}
	if err := budget.Check(lines, b.layout.Budget.LimitPercent); err != nil {
		return nil, err
	}
	if err := b.writeArtifacts(facts); err != nil {
		return nil, fmt.Errorf("writing artefacts: %w", err)
	}
	if err := out.CloseAtomicallyReplace(); err != nil {
		return nil, fmt.Errorf("putting image in place: %w", err)
	}
	return facts, nil
}

// name is what an id or a version may be made of: both become part of a file
// name that the boot loader splits at "_" and "+".
var name = regexp.MustCompile(`^[a-z0-9][a-z0-9.~^-]*$`)

func (b *build) readInputs() error {
	var err error
	if b.layout, err = layout.ReadFile(b.Layout); err != nil {
		return err
	}
	for _, in := range []struct {
		what, path string
		data       *[]byte
	}{
		{"os-release", b.Options.OSRelease, &b.osRelease},
		{"stub", b.Options.Stub, &b.stub},
		{"kernel", b.Options.Kernel, &b.kernel},
		{"boot loader", b.Bootloader, &b.boot},
	} {
		if *in.data, err = os.ReadFile(in.path); err != nil {
			return fmt.Errorf("reading %s: %w", in.what, err)
		}
	}
	vars, err := osrelease.Parse(b.osRelease)
	if err != nil {
		return fmt.Errorf("reading %s: %w", b.Options.OSRelease, err)
	}
	b.id = vars["ID"]
	if v := vars["VERSION_ID"]; v != b.Version {
		return fmt.Errorf("%s has VERSION_ID=%q, but the version asked for is %q", b.Options.OSRelease, v, b.Version)
	}
	for what, s := range map[string]string{"ID": b.id, "VERSION_ID": b.Version} {
		if !name.MatchString(s) {
			return fmt.Errorf("%s has %s=%q, want letters a to z, digits and any of . ~ ^ -", b.Options.OSRelease, what, s)
		}
	}
	return b.checkExecutables()
}

func (b *build) checkExecutables() error {
	boot, err := uki.Parse(b.boot)
	if err != nil {
		return fmt.Errorf("boot loader %s: %w", b.Bootloader, err)
	}
	stub, err := uki.Parse(b.stub)
	if err != nil {
		return fmt.Errorf("stub %s: %w", b.Options.Stub, err)
	}
	if b.arch = stub.Machine; boot.Machine != b.arch {
		return fmt.Errorf("boot loader is for %s, stub for %s", boot.Machine.Arch(), b.arch.Arch())
	}
	if b.uname, err = uki.KernelRelease(b.kernel); err != nil {
		return fmt.Errorf("kernel %s: %w", b.Options.Kernel, err)
	}
	return nil
}

// rootTar returns the one archive of the root file system.
func (b *build) rootTar() (string, error) {
	switch len(b.Rootfs) {
	case 0:
		return "", errors.New("no root file system given")
	case 1:
		return b.Rootfs[0], rootfs.Check(b.Rootfs[0])
	}
	merged := filepath.Join(b.tmp, "root.tar")
	f, err := os.Create(merged)
	if err != nil {
		return "", fmt.Errorf("merging layers: %w", err)
	}
	err = rootfs.Merge(f, b.Rootfs, b.Time)
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("merging layers: %w", err)
	}
	return merged, nil
}

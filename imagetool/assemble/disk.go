package assemble

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"

	"github.com/slipway-os/slipway/imagetool/disk"
	"github.com/slipway-os/slipway/imagetool/esp"
	"github.com/slipway-os/slipway/imagetool/ext4"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/layout"
	"github.com/slipway-os/slipway/imagetool/uki"
)

// loaderConf configures systemd-boot: no menu unless a key is held, and no
// editing of the command line.
const loaderConf = "timeout 0\neditor no\n"

// writeDisk writes all partitions, then the table.
func (b *build) writeDisk(ctx context.Context, f *os.File) error {
	if err := f.Truncate(b.layout.DiskSize()); err != nil {
		return err
	}
	table, err := disk.Plan(b.layout, b.arch, b.root)
	if err != nil {
		return err
	}
	for i, p := range b.layout.Partitions {
		if err := b.writePartition(ctx, f, p, table.Partitions[i]); err != nil {
			return fmt.Errorf("partition %q: %w", p.Label, err)
		}
	}
	return gpt.Write(f, table)
}

func (b *build) writePartition(ctx context.Context, f *os.File, p layout.Partition, at gpt.Partition) error {
	switch {
	case p.Role == layout.ESP:
		id := disk.GUID(b.root.Hash.String() + "/esp-volume")
		o := esp.Options{Start: at.Start(), Size: at.Size(), VolumeID: binary.LittleEndian.Uint32(id[:]), Time: b.Time}
		return esp.Create(f, o, b.espFiles())
	case p.Role == layout.RootFS && p.Slot == "A":
		return copyInto(f, at, b.rootPath())
	case p.Role == layout.Hash && p.Slot == "A":
		return copyInto(f, at, b.hashPath())
	case p.Role == layout.Var:
		path := filepath.Join(b.tmp, "state")
		o := ext4.Options{Size: at.Size(), Journal: int64(b.layout.State.Journal), Label: "STATE", Time: b.Time,
			UUID: disk.GUID(b.root.Hash.String() + "/state-fs")}
		if err := b.Makers.Ext4(ctx, path, o); err != nil {
			return err
		}
		return copyInto(f, at, path)
	}
	return nil // an empty slot
}

// espFiles returns the files of the EFI system partition.
func (b *build) espFiles() []esp.Source {
	suffix := map[uki.Machine]string{uki.X86_64: "x64", uki.ARM64: "aa64"}[b.arch]
	fallback := map[uki.Machine]string{uki.X86_64: "BOOTX64.EFI", uki.ARM64: "BOOTAA64.EFI"}[b.arch]
	return []esp.Source{
		{Path: "EFI/BOOT/" + fallback, Content: b.boot},
		{Path: "EFI/systemd/systemd-boot" + suffix + ".efi", Content: b.boot},
		{Path: "loader/loader.conf", Content: []byte(loaderConf)},
		{Path: "EFI/Linux/" + b.id + "_" + b.Version + ".efi", Content: b.uki},
	}
}

// copyInto copies the file at path to the start of a partition.
func copyInto(f *os.File, at gpt.Partition, path string) error {
	in, err := os.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	if info.Size() > at.Size() {
		return fmt.Errorf("%s has %d bytes, the partition has %d", filepath.Base(path), info.Size(), at.Size())
	}
	_, err = disk.CopySparse(f, at.Start(), in)
	return err
}

// Package inspect says what is on a disk image, without checking it in depth
// (see package verify for that).
package inspect

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/erofs"
	"github.com/slipway-os/slipway/imagetool/esp"
	"github.com/slipway-os/slipway/imagetool/ext4"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/osrelease"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/imagetool/verity"
)

// Report says what is on an image.
type Report struct {
	Size       int64       `json:"size_bytes"`
	DiskGUID   string      `json:"disk_guid"`
	Partitions []Partition `json:"partitions"`
	UKIs       []UKI       `json:"ukis"`
}

// Partition is one partition. Offsets and sizes are in bytes.
type Partition struct {
	Index    int    `json:"index"`
	Label    string `json:"label"`
	Type     string `json:"type"`
	TypeGUID string `json:"type_guid"`
	GUID     string `json:"guid"`
	Start    int64  `json:"start_bytes"`
	Size     int64  `json:"size_bytes"`
	Used     int64  `json:"used_bytes"`
	// Content is "fat32", "erofs", "verity", "ext4", "xfs", "empty" or
	// "unknown".
	Content string `json:"content"`
	// Slot, Version and RootHash are set for the partitions of a slot; the
	// last two only where a UKI boots it.
	Slot     string `json:"slot,omitempty"`
	Version  string `json:"version,omitempty"`
	RootHash string `json:"root_hash,omitempty"`
}

// UKI is a unified kernel image in EFI/Linux.
type UKI struct {
	Path     string `json:"path"`
	Size     int64  `json:"size_bytes"`
	Arch     string `json:"arch"`
	ID       string `json:"id"`
	Version  string `json:"version"`
	Kernel   string `json:"kernel"`
	Slot     string `json:"slot,omitempty"`
	RootHash string `json:"root_hash,omitempty"`
	Cmdline  string `json:"cmdline"`
	Signed   bool   `json:"signed"`
	// Error is set where the file could not be read as a UKI.
	Error string `json:"error,omitempty"`

	root *cmdline.Root
}

// Image describes the disk image r of size bytes. Damage in single partitions
// shows as content "unknown"; err is for what is no disk image at all.
func Image(r io.ReaderAt, size int64) (*Report, error) {
	table, err := gpt.Read(r, size)
	if err != nil {
		return nil, err
	}
	rep := &Report{Size: size, DiskGUID: table.GUID.String()}
	for _, p := range table.Partitions {
		part := Partition{
			Index: p.Index, Label: p.Label, Type: gpt.TypeName(p.Type), TypeGUID: p.Type.String(), GUID: p.GUID.String(),
			Start: p.Start(), Size: p.Size(), Slot: Slot(p),
		}
		section := io.NewSectionReader(r, p.Start(), p.Size())
		part.Content, part.Used = content(section, p)
		if p.Type == gpt.TypeESP {
			rep.UKIs = append(rep.UKIs, readUKIs(section)...)
		}
		rep.Partitions = append(rep.Partitions, part)
	}
	rep.matchSlots(table)
	return rep, nil
}

// Slot returns "A" or "B" for a slot's partitions, going by the label.
func Slot(p gpt.Partition) string {
	if !gpt.IsRoot(p.Type) && !gpt.IsVerity(p.Type) {
		return ""
	}
	_, slot, _ := strings.Cut(p.Label, "-")
	return slot
}

// content tells what a partition holds and how many bytes of it are used.
func content(r *io.SectionReader, p gpt.Partition) (kind string, used int64) {
	switch {
	case p.Type == gpt.TypeESP:
		if v, err := esp.Open(r, r.Size()); err == nil {
			return "fat32", v.Used()
		}
	case gpt.IsRoot(p.Type):
		if sb, err := erofs.ReadSuperblock(r); err == nil {
			return "erofs", sb.Size()
		}
	case gpt.IsVerity(p.Type):
		if sb, err := readVerity(r); err == nil {
			return "verity", verity.HashSize(sb.DataBlocks * verity.BlockSize)
		}
	default:
		if sb, err := ext4.ReadSuperblock(r); err == nil {
			return "ext4", sb.Used()
		}
	}
	head := make([]byte, 4096)
	if _, err := r.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return "unknown", 0
	}
	switch {
	case string(head[:4]) == "XFSB":
		return "xfs", 0
	case string(head) == string(make([]byte, len(head))):
		return "empty", 0
	}
	return "unknown", 0
}

func readVerity(r io.ReaderAt) (*verity.Superblock, error) {
	b := make([]byte, verity.SuperblockSize)
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("reading verity superblock: %w", err)
	}
	return verity.ParseSuperblock(b)
}

// readUKIs reads all files in EFI/Linux that the boot loader would list.
func readUKIs(r *io.SectionReader) []UKI {
	v, err := esp.Open(r, r.Size())
	if err != nil {
		return nil
	}
	files, _ := v.Files()
	var ukis []UKI
	for _, f := range files {
		if !IsUKI(f) {
			continue
		}
		u, err := ReadUKI(f)
		if err != nil {
			u.Error = err.Error()
		}
		ukis = append(ukis, u)
	}
	return ukis
}

// IsUKI says whether the boot loader takes a file for a UKI.
func IsUKI(f esp.File) bool {
	p := strings.ToLower(f.Path)
	return !f.Dir && strings.HasPrefix(p, "efi/linux/") && strings.HasSuffix(p, ".efi") && strings.Count(p, "/") == 2
}

// ReadUKI reads what a UKI says about itself.
func ReadUKI(f esp.File) (UKI, error) {
	u := UKI{Path: f.Path, Size: f.Size}
	data, err := f.Content()
	if err != nil {
		return u, err
	}
	pe, err := uki.Parse(data)
	if err != nil {
		return u, err
	}
	u.Arch, u.Signed = pe.Machine.Arch(), pe.Signed()
	release, err := pe.Content(".osrel")
	if err != nil {
		return u, err
	}
	vars, err := osrelease.Parse(release)
	if err != nil {
		return u, err
	}
	u.ID, u.Version = vars["ID"], vars["VERSION_ID"]
	if uname, err := pe.Content(".uname"); err == nil {
		u.Kernel = string(uname)
	}
	line, err := pe.Content(".cmdline")
	if err != nil {
		return u, err
	}
	u.Cmdline = string(line)
	if u.root, err = cmdline.Parse(u.Cmdline); err != nil {
		return u, err
	}
	u.RootHash = u.root.Hash.String()
	return u, nil
}

// Root returns the verity root that the UKI boots, or nil.
func (u UKI) Root() *cmdline.Root { return u.root }

// matchSlots finds the slot of each UKI by the GUIDs in its command line.
func (r *Report) matchSlots(t *gpt.Table) {
	for i := range r.UKIs {
		u := &r.UKIs[i]
		if u.root == nil {
			continue
		}
		for j, p := range t.Partitions {
			if p.GUID != u.root.RootGUID() && p.GUID != u.root.HashGUID() {
				continue
			}
			part := &r.Partitions[j]
			part.Version, part.RootHash, u.Slot = u.Version, u.RootHash, part.Slot
		}
	}
}

// Package disk places the partitions of a layout on a disk and copies their
// contents there, leaving runs of zeros as holes.
package disk

import (
	"fmt"
	"io"

	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/layout"
	"github.com/slipway-os/slipway/imagetool/uki"
)

// namespace is that of all GUIDs that are not halves of a root hash.
var namespace = uuid.MustParse("6f5f9e0b-3c5e-5d0e-9a5e-0c1f7a1d2b64")

// GUID returns a name-based GUID (RFC 9562, version 5): equal names give equal
// GUIDs. Names begin with what the GUID must differ by, such as a root hash.
func GUID(name string) uuid.UUID { return uuid.NewSHA1(namespace, []byte(name)) }

// Plan returns the partition table of a new disk, whose slot A holds root.
func Plan(l *layout.Layout, arch uki.Machine, root cmdline.Root) (gpt.Table, error) {
	t := gpt.Table{
		GUID:    GUID(root.Hash.String() + "/disk"),
		Sectors: uint64(l.DiskSize()) / gpt.SectorSize,
	}
	next := uint64(layout.Alignment) / gpt.SectorSize
	for i, p := range l.Partitions {
		typ, err := typeGUID(p.Role, arch)
		if err != nil {
			return t, fmt.Errorf("partition %q: %w", p.Label, err)
		}
		part := gpt.Partition{
			Index: i + 1,
			Type:  typ,
			GUID:  GUID(root.Hash.String() + "/" + p.Label),
			First: next,
			Last:  next + uint64(p.Size)/gpt.SectorSize - 1,
			Label: p.Label,
		}
		if p.Slot == "A" {
			part.GUID = root.RootGUID()
			if p.Role == layout.Hash {
				part.GUID = root.HashGUID()
			}
		}
		t.Partitions = append(t.Partitions, part)
		next = part.Last + 1
	}
	return t, nil
}

func typeGUID(r layout.Role, arch uki.Machine) (uuid.UUID, error) {
	x64 := arch == uki.X86_64
	switch {
	case !x64 && arch != uki.ARM64:
		return uuid.Nil, fmt.Errorf("no partition types for %s", arch.Arch())
	case r == layout.ESP:
		return gpt.TypeESP, nil
	case r == layout.Var:
		return gpt.TypeVar, nil
	case r == layout.RootFS && x64:
		return gpt.TypeRootX64, nil
	case r == layout.RootFS:
		return gpt.TypeRootA64, nil
	case r == layout.Hash && x64:
		return gpt.TypeVerityX64, nil
	case r == layout.Hash:
		return gpt.TypeVerityA64, nil
	}
	return uuid.Nil, fmt.Errorf("role %q has no partition type", r)
}

// copyUnit is how much is looked at to decide whether it is a hole.
const copyUnit = 64 << 10

// CopySparse copies r to w at the offset off, in bytes, and skips units that
// are zero. w must read as zero there. It returns the bytes read.
func CopySparse(w io.WriterAt, off int64, r io.Reader) (int64, error) {
	buf := make([]byte, copyUnit)
	total := int64(0)
	for {
		n, err := io.ReadFull(r, buf)
		if n > 0 && !IsZero(buf[:n]) {
			if _, err := w.WriteAt(buf[:n], off+total); err != nil {
				return total, err
			}
		}
		total += int64(n)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			return total, nil
		}
		if err != nil {
			return total, err
		}
	}
}

// zeros is compared with, because comparing is faster than a loop over bytes.
var zeros [copyUnit]byte

// IsZero says whether all bytes are zero.
func IsZero(b []byte) bool {
	for ; len(b) > len(zeros); b = b[len(zeros):] {
		if string(b[:len(zeros)]) != string(zeros[:]) {
			return false
		}
	}
	return string(b) == string(zeros[:len(b)])
}

// FirstNonZero returns the offset of the first byte of r in [from, to) that is
// not zero, or -1.
func FirstNonZero(r io.ReaderAt, from, to int64) (int64, error) {
	buf := make([]byte, 1<<20)
	for off := from; off < to; {
		b := buf[:min(int64(len(buf)), to-off)]
		if n, err := r.ReadAt(b, off); n < len(b) {
			return -1, fmt.Errorf("reading %d bytes at %d: %w", len(b), off, err)
		}
		if !IsZero(b) {
			for i, c := range b {
				if c != 0 {
					return off + int64(i), nil
				}
			}
		}
		off += int64(len(b))
	}
	return -1, nil
}

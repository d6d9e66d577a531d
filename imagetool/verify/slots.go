package verify

import (
	"bytes"
	"fmt"
	"io"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/disk"
	"github.com/slipway-os/slipway/imagetool/erofs"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/inspect"
	"github.com/slipway-os/slipway/imagetool/problem"
	"github.com/slipway-os/slipway/imagetool/verity"
)

// slot is a pair of partitions under check.
type slot struct {
	name             string
	root, hash       gpt.Partition
	rootArea, hashed problem.Area
	data, tree       *io.SectionReader
	want             *cmdline.Root // of the UKI that boots it; nil if none does
}

// checkSlots checks every root partition with its hash partition, and that
// every UKI finds its own.
func (v *verifier) checkSlots() error {
	booted := map[string]bool{}
	for _, p := range v.table.Partitions {
		if !gpt.IsRoot(p.Type) {
			continue
		}
		hash, found := v.slotOf(p)
		if !found {
			v.report(problem.Area{Name: p.Label, Start: p.Start()}.At(0, 0, "no hash partition belongs to this root partition"))
			continue
		}
		s := &slot{name: inspect.Slot(p), root: p, hash: hash, want: v.findEntry(p, hash)}
		s.data, s.rootArea = v.section(p)
		s.tree, s.hashed = v.section(hash)
		if s.want != nil {
			booted[s.want.Hash.String()] = true
		}
		if err := v.checkSlot(s); err != nil {
			return fmt.Errorf("checking slot %s: %w", s.name, err)
		}
	}
	for _, e := range v.ukis {
		if !booted[e.RootHash] {
			v.report(e.area.At(e.file.Offset(0), e.file.Size, "/%s boots root hash %s, but no slot has partitions with its GUIDs %s and %s",
				e.Path, e.RootHash, e.Root().RootGUID(), e.Root().HashGUID()))
		}
	}
	return nil
}

// updating is the label of partitions that an update is writing to.
const updating = "_empty"

func (v *verifier) checkSlot(s *slot) error {
	if s.want == nil {
		empty, err := v.checkEmpty(s)
		if empty || err != nil {
			return err
		}
	}
	sb := v.superblock(s)
	if sb == nil {
		return nil
	}
	size := sb.DataBlocks * verity.BlockSize
	if size > s.data.Size() || verity.HashSize(size) > s.tree.Size() {
		v.report(s.hashed.At(0, verity.SuperblockSize, "hash tree is for %d data blocks, which do not fit the partitions", sb.DataBlocks))
		return nil
	}
	if err := v.checkTree(s, sb); err != nil {
		return err
	}
	v.checkErofs(s, size)
	return v.checkSlack(s, size)
}

// checkEmpty says whether nothing is in a slot that no UKI boots, which is
// what a new disk's second slot is like.
func (v *verifier) checkEmpty(s *slot) (bool, error) {
	if s.root.Label == updating || s.hash.Label == updating {
		v.checked("slot %s: an update is under way, not checked", s.name)
		return true, nil
	}
	rootAt, err := disk.FirstNonZero(s.data, 0, s.data.Size())
	if err != nil {
		return false, err
	}
	hashAt, err := disk.FirstNonZero(s.tree, 0, s.tree.Size())
	if err != nil {
		return false, err
	}
	if rootAt < 0 && hashAt < 0 {
		v.checked("slot %s: empty", s.name)
		return true, nil
	}
	// A written slot without a UKI is still checked; its root hash is in the
	// GUIDs. Anything less is dirt.
	_, dataErr := erofs.ReadSuperblock(s.data)
	_, treeErr := readSuperblock(s.tree)
	if dataErr == nil || treeErr == nil {
		return false, nil
	}
	for _, dirt := range []struct {
		area problem.Area
		at   int64
	}{{s.rootArea, rootAt}, {s.hashed, hashAt}} {
		if dirt.at >= 0 {
			v.report(dirt.area.At(dirt.at, 1, "slot %s holds no system, but this byte is not zero", s.name))
		}
	}
	return true, nil
}

func readSuperblock(r io.ReaderAt) (*verity.Superblock, error) {
	b := make([]byte, verity.SuperblockSize)
	if _, err := r.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("reading verity superblock: %w", err)
	}
	return verity.ParseSuperblock(b)
}

// superblock reads the verity superblock and compares it with the UKI's
// command line. Where it is damaged, the command line says what it would have.
func (v *verifier) superblock(s *slot) *verity.Superblock {
	sb, err := readSuperblock(s.tree)
	if err != nil {
		v.report(s.hashed.At(0, verity.SuperblockSize, "%v", err))
		if s.want == nil {
			return nil
		}
		return &verity.Superblock{DataBlocks: s.want.Blocks, Salt: s.want.Salt}
	}
	if sb.UUID != s.hash.GUID {
		v.report(s.hashed.At(16, 16, "UUID in the superblock is %s, want the partition's GUID %s", sb.UUID, s.hash.GUID))
	}
	if s.want == nil {
		return sb
	}
	if sb.DataBlocks != s.want.Blocks {
		v.report(s.hashed.At(72, 8, "superblock counts %d data blocks, the command line %d", sb.DataBlocks, s.want.Blocks))
	}
	if !bytes.Equal(sb.Salt, s.want.Salt) {
		v.report(s.hashed.At(80, 8+int64(len(s.want.Salt)), "salt in the superblock is %x, in the command line %x", sb.Salt, s.want.Salt))
	}
	return &verity.Superblock{DataBlocks: s.want.Blocks, Salt: s.want.Salt}
}

// checkTree compares all data and the whole tree with the root hash, which is
// in the GUIDs of the two partitions.
func (v *verifier) checkTree(s *slot, sb *verity.Superblock) error {
	root := verity.RootHash(append(append([]byte(nil), s.root.GUID[:]...), s.hash.GUID[:]...))
	faults, more, err := verity.Check(s.data, s.tree, *sb, root)
	if err != nil {
		return err
	}
	for _, f := range faults {
		area := s.rootArea
		if f.InHash {
			area = s.hashed
		}
		v.report(area.At(f.Offset, f.Length, "%s", f.Message))
	}
	if more > 0 {
		v.report(s.rootArea.At(0, s.data.Size(), "and %d more damaged blocks", more))
	}
	if len(faults) == 0 {
		v.checked("slot %s: %d blocks and their hash tree have root hash %s", s.name, sb.DataBlocks, root)
	}
	return nil
}

func (v *verifier) checkErofs(s *slot, size int64) {
	sb, err := erofs.ReadSuperblock(s.data)
	switch {
	case err != nil:
		v.report(s.rootArea.At(1024, 128, "%v", err))
	case sb.Size() != size:
		v.report(s.rootArea.At(1024+36, 4, "EROFS has %d bytes, the hash tree covers %d", sb.Size(), size))
	default:
		v.checked("slot %s: EROFS superblock", s.name)
	}
}

// checkSlack checks what the root hash does not cover: the rest of both
// partitions and of the superblock's block must be zero.
func (v *verifier) checkSlack(s *slot, size int64) error {
	for _, gap := range []struct {
		r        io.ReaderAt
		area     problem.Area
		from, to int64
	}{
		{s.data, s.rootArea, size, s.data.Size()},
		{s.tree, s.hashed, verity.SuperblockSize, verity.BlockSize},
		{s.tree, s.hashed, verity.HashSize(size), s.tree.Size()},
	} {
		at, err := disk.FirstNonZero(gap.r, gap.from, gap.to)
		if err != nil {
			return err
		}
		if at >= 0 {
			v.report(gap.area.At(at, 1, "unused byte is not zero"))
		}
	}
	return nil
}

package slot

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/verity"
)

// ErrRootHash says that a slot does not give the root hash of its image.
var ErrRootHash = errors.New("slot has another root hash")

// Writer writes one image into a slot.
type Writer struct {
	slots  *Slots
	target cmdline.Root
}

// Report says how a slot was checked.
type Report struct {
	// ReadBack is how the slot was read past the page cache.
	ReadBack string `json:"read_back"`
}

// Begin makes the other slot ready to be written: its partitions are called
// "_empty" when it returns, on the disk too. An image that does not fit is
// refused before anything is written.
//
// The partitions keep their GUIDs, so that a boot entry of what they held
// fails at once, by verity, and does not wait for a partition for ever.
func (s *Slots) Begin(t cmdline.Root) (*Writer, error) {
	if err := s.Check(t); err != nil {
		return nil, err
	}
	if s.Other.Root.Label != Empty || s.Other.Hash.Label != Empty {
		root, hash := s.Other.Root, s.Other.Hash
		root.Label, hash.Label = Empty, Empty
		if err := s.rename(root, hash); err != nil {
			return nil, fmt.Errorf("marking slot %s as empty: %w", s.Other.Name, err)
		}
	}
	return &Writer{slots: s, target: t}, nil
}

// Root is the root partition, to be filled with the image.
func (w *Writer) Root() *Section {
	return section(w.slots.dev, w.slots.Other.Root, "ROOT-"+w.slots.Other.Name)
}

func (w *Writer) hash() *Section {
	return section(w.slots.dev, w.slots.Other.Hash, "HASH-"+w.slots.Other.Name)
}

// Finish makes the hash tree of what the root partition holds on the disk, and
// writes it; if that gives the image's root hash and the tree is read back as
// it was written, the partitions get the GUIDs and labels by which the image
// can boot. The error is ErrRootHash where the hash is another one: then the
// slot stays empty and can be filled again.
func (w *Writer) Finish(ctx context.Context) (Report, error) {
	s := w.slots
	if err := s.dev.Sync(); err != nil {
		return Report{}, fmt.Errorf("writing slot %s to the disk: %w", s.Other.Name, err)
	}
	tree, method, err := w.makeTree(ctx)
	if err != nil {
		return Report{}, fmt.Errorf("checking slot %s: %w", s.Other.Name, err)
	}
	if err := w.writeTree(tree); err != nil {
		return Report{}, fmt.Errorf("writing the hash tree of slot %s: %w", s.Other.Name, err)
	}
	if err := ctx.Err(); err != nil {
		return Report{}, err
	}
	root, hash := s.Other.Root, s.Other.Hash
	root.GUID, root.Label = w.target.RootGUID(), "ROOT-"+s.Other.Name
	hash.GUID, hash.Label = w.target.HashGUID(), "HASH-"+s.Other.Name
	if err := s.rename(root, hash); err != nil {
		return Report{}, fmt.Errorf("naming slot %s: %w", s.Other.Name, err)
	}
	return Report{ReadBack: method}, nil
}

// makeTree computes the hash tree from the disk, past the page cache: what the
// cache holds is what was meant to be written, not what was.
func (w *Writer) makeTree(ctx context.Context) (memory, string, error) {
	direct, err := w.slots.dev.Direct()
	if err != nil {
		return nil, "", err
	}
	defer direct.Close()
	root := w.slots.Other.Root
	data := cancelled{ctx, io.NewSectionReader(direct, root.Start(), root.Size())}
	sb := verity.Superblock{DataBlocks: w.target.Blocks, Salt: w.target.Salt, UUID: w.target.HashGUID()}
	tree := make(memory, verity.HashSize(w.target.Blocks*verity.BlockSize))
	got, err := verity.Format(data, tree, sb)
	if err != nil {
		return nil, "", fmt.Errorf("reading it back: %w", err)
	}
	if got != w.target.Hash {
		return nil, "", fmt.Errorf("%w: it is %s, want %s", ErrRootHash, got, w.target.Hash)
	}
	return tree, direct.Method(), nil
}

// writeTree writes the hash partition and reads it back.
func (w *Writer) writeTree(tree memory) error {
	if _, err := w.hash().WriteAt(tree, 0); err != nil {
		return err
	}
	if err := w.slots.dev.Sync(); err != nil {
		return fmt.Errorf("writing it to the disk: %w", err)
	}
	direct, err := w.slots.dev.Direct()
	if err != nil {
		return err
	}
	defer direct.Close()
	back := make([]byte, len(tree))
	if _, err := direct.ReadAt(back, w.slots.Other.Hash.Start()); err != nil && err != io.EOF {
		return fmt.Errorf("reading it back: %w", err)
	}
	if !bytes.Equal(back, tree) {
		return fmt.Errorf("%w: the disk does not hold the hash tree that was written", ErrRootHash)
	}
	return nil
}

// rename gives the other slot's partitions the GUIDs and labels of root and
// hash, and reads both copies of the table back.
func (s *Slots) rename(root, hash gpt.Partition) error {
	err := gpt.Update(s.dev, s.dev.Size(),
		gpt.Change{Index: root.Index, GUID: root.GUID, Label: root.Label},
		gpt.Change{Index: hash.Index, GUID: hash.GUID, Label: hash.Label})
	if err != nil {
		return err
	}
	direct, err := s.dev.Direct()
	if err != nil {
		return err
	}
	defer direct.Close()
	table, problems, err := gpt.Check(direct, s.dev.Size())
	if err != nil {
		return fmt.Errorf("reading the partition table back: %w", err)
	}
	for _, p := range problems {
		if p.Offset >= gpt.SectorSize { // the protective MBR is not ours to judge
			return fmt.Errorf("reading the partition table back: %s", p)
		}
	}
	if !has(table, root) || !has(table, hash) {
		return errors.New("the disk does not hold the partition table that was written")
	}
	s.Other.Root, s.Other.Hash, s.table = root, hash, table
	return nil
}

func has(t *gpt.Table, want gpt.Partition) bool {
	for _, p := range t.Partitions {
		if p == want {
			return true
		}
	}
	return false
}

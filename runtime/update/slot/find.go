package slot

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/verity"
	"github.com/slipway-os/slipway/runtime/update/fetch"
)

// Empty is the label of partitions that are being written, or were left so.
const Empty = "_empty"

// Slot is a pair of partitions.
type Slot struct {
	Name       string // "A" or "B"
	Root, Hash gpt.Partition
}

// Empty says whether the slot is not to be used.
func (s Slot) Empty() bool { return s.Root.Label == Empty || s.Hash.Label == Empty }

// Slots are the two slots of a disk.
type Slots struct {
	Running Slot // the one that the system runs from
	Other   Slot // the one that an update goes into
	dev     Device
	table   *gpt.Table
}

// Find finds the slots on a disk. The running one is told by its root hash,
// since the unique GUIDs of its partitions are the halves of that; the other is
// what is left. Anything that does not fit this picture is an error, so that no
// partition of somebody else is ever taken for a slot.
func Find(d Device, running verity.RootHash) (*Slots, error) {
	table, err := gpt.Read(d, d.Size())
	if err != nil {
		return nil, fmt.Errorf("finding the slots: %w", err)
	}
	s := &Slots{dev: d, table: table}
	root := cmdline.Root{Hash: running}
	if s.Running.Root, s.Other.Root, err = pair(table, gpt.IsRoot, root.RootGUID()); err != nil {
		return nil, fmt.Errorf("finding the root partitions: %w", err)
	}
	if s.Running.Hash, s.Other.Hash, err = pair(table, gpt.IsVerity, root.HashGUID()); err != nil {
		return nil, fmt.Errorf("finding the hash partitions: %w", err)
	}
	return s, s.name()
}

// pair returns the partition with the GUID and the other one of its type.
func pair(t *gpt.Table, is func(uuid.UUID) bool, running uuid.UUID) (run, other gpt.Partition, err error) {
	var all []gpt.Partition
	for _, p := range t.Partitions {
		if is(p.Type) {
			all = append(all, p)
		}
	}
	if len(all) != 2 || all[0].Type != all[1].Type {
		return run, other, fmt.Errorf("there are %d of them, want 2 of one type", len(all))
	}
	i := slices.IndexFunc(all, func(p gpt.Partition) bool { return p.GUID == running })
	if i < 0 || all[1-i].GUID == running {
		return run, other, fmt.Errorf("not exactly one has the GUID %s of the running root hash", running)
	}
	return all[i], all[1-i], nil
}

// name finds out which slot is which by their labels.
func (s *Slots) name() error {
	names := map[string]string{"ROOT-A": "A", "ROOT-B": "B"}
	s.Running.Name = names[s.Running.Root.Label]
	s.Other.Name = map[string]string{"A": "B", "B": "A"}[s.Running.Name]
	if s.Running.Name == "" {
		return fmt.Errorf("finding the slots: the running root partition is called %q, want ROOT-A or ROOT-B", s.Running.Root.Label)
	}
	for _, want := range []struct {
		p     gpt.Partition
		label string
		empty bool
	}{
		{s.Running.Hash, "HASH-" + s.Running.Name, false},
		{s.Other.Root, "ROOT-" + s.Other.Name, true},
		{s.Other.Hash, "HASH-" + s.Other.Name, true},
	} {
		if want.p.Label != want.label && !(want.empty && want.p.Label == Empty) {
			return fmt.Errorf("finding the slots: partition %d is called %q, want %q", want.p.Index, want.p.Label, want.label)
		}
	}
	return nil
}

// Holds says whether the partition table names t as what the other slot holds,
// which it does only after Finish.
func (s *Slots) Holds(t cmdline.Root) bool {
	return !s.Other.Empty() && s.Other.Root.GUID == t.RootGUID() && s.Other.Hash.GUID == t.HashGUID()
}

// SizeError says that an image does not fit a partition.
type SizeError struct {
	Label      string
	Need, Have int64 // bytes
}

func (e *SizeError) Error() string {
	return fmt.Sprintf("image does not fit: it needs %d bytes in %s, which has %d", e.Need, e.Label, e.Have)
}

// ErrRunning says that an image is the one that runs: two slots with one root
// hash could not be told apart.
var ErrRunning = errors.New("image is the one that runs")

// Check says whether the image t can go into the other slot. Nothing is
// written.
func (s *Slots) Check(t cmdline.Root) error {
	if t.Blocks < 1 || t.Blocks > verity.MaxDataBlocks {
		return fmt.Errorf("image has %d blocks, want 1 to %d", t.Blocks, int64(verity.MaxDataBlocks))
	}
	data := t.Blocks * verity.BlockSize
	for _, e := range []SizeError{
		{"ROOT-" + s.Other.Name, data, s.Other.Root.Size()},
		{"HASH-" + s.Other.Name, verity.HashSize(data), s.Other.Hash.Size()},
	} {
		if e.Need > e.Have {
			return &e
		}
	}
	for _, p := range s.table.Partitions {
		mine := p.Index == s.Other.Root.Index || p.Index == s.Other.Hash.Index
		if !mine && (p.GUID == t.RootGUID() || p.GUID == t.HashGUID()) {
			return fmt.Errorf("%w: partition %d (%q) has its GUID", ErrRunning, p.Index, p.Label)
		}
	}
	return nil
}

// Locals returns both slots as sources of blocks for the image x, the running
// one first. What blocks they hold is read from their hash trees; a slot that
// was left unfinished is hashed anew, by which an interrupted update goes on. A
// slot that cannot be read is left out.
func (s *Slots) Locals(ctx context.Context, x *blocks.Index) ([]fetch.Local, error) {
	var locals []fetch.Local
	for _, slot := range []Slot{s.Running, s.Other} {
		data, hash := section(s.dev, slot.Root, "ROOT-"+slot.Name), section(s.dev, slot.Hash, "HASH-"+slot.Name)
		limit := data.Size() / blocks.BlockSize
		leaves, err := blocks.ReadLeaves(hash, x.Salt, limit)
		if err != nil || slot.Empty() {
			leaves, err = blocks.HashLeaves(ctx, data, x.Salt, min(x.Blocks(), int(limit)))
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err == nil {
			inPlace := slot.Name == s.Other.Name
			locals = append(locals, fetch.Local{Local: plan.Local{Name: slot.Name, Leaves: leaves, InPlace: inPlace}, Data: data})
		}
	}
	return locals, nil
}

package layout

import (
	"errors"
	"fmt"
	"slices"

	"github.com/slipway-os/slipway/imagetool/verity"
)

// minESP is the smallest FAT32 with 512-byte clusters (65525 of them), rounded up.
const minESP = 34 * MiB

// maxPartitions is what the 128 entries of an ordinary GPT leave room for.
const maxPartitions = 128

// check returns everything that is wrong with the values, joined.
func (l *Layout) check() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if l.Schema != Schema {
		bad("schema is %d; this imagetool reads schema = %d", l.Schema, Schema)
	}
	if !slices.Contains([]string{"none", "lz4hc"}, l.Root.Compression) {
		bad("root.compression is %q, want \"none\" or \"lz4hc\"", l.Root.Compression)
	}
	if l.Root.Level < 0 || l.Root.Level > 12 {
		bad("root.level is %d, want 0 to 12", l.Root.Level)
	}
	if c := l.Root.Cluster; c < 4*KiB || c > 64*KiB || c&(c-1) != 0 {
		bad("root.cluster is %s, want a power of two from 4KiB to 64KiB", c)
	}
	if p := l.Budget.LimitPercent; p < 1 || p > 100 {
		bad("budget.limit-percent is %d, want 1 to 100", p)
	}
	if l.State.Journal < 4*MiB || l.State.Journal%MiB != 0 {
		bad("state.journal is %s, want whole MiB, at least 4MiB", l.State.Journal)
	}
	errs = append(errs, l.checkPartitions()...)
	return errors.Join(errs...)
}

func (l *Layout) checkPartitions() []error {
	var errs []error
	if n := len(l.Partitions); n > maxPartitions {
		return append(errs, fmt.Errorf("%d partitions, at most %d fit", n, maxPartitions))
	}
	labels := map[string]bool{}
	places := map[[2]string]bool{}
	total := Size(0)
	for i, p := range l.Partitions {
		if err := p.check(); err != nil {
			errs = append(errs, fmt.Errorf("partition %d (%q): %w", i+1, p.Label, err))
			continue
		}
		if labels[p.Label] {
			errs = append(errs, fmt.Errorf("label %q is used twice", p.Label))
		}
		if place := [2]string{string(p.Role), p.Slot}; places[place] {
			errs = append(errs, fmt.Errorf("partition %d (%q): a second partition with role %q and slot %q", i+1, p.Label, p.Role, p.Slot))
		} else {
			places[place] = true
		}
		labels[p.Label] = true
		total += p.Size // each is at most MaxDisk and there are at most 128
	}
	if total > MaxDisk {
		errs = append(errs, fmt.Errorf("partitions add up to %s, at most %s is supported", total, MaxDisk))
	}
	if len(errs) == 0 {
		errs = l.checkSlots()
	}
	return errs
}

func (p *Partition) check() error {
	switch {
	case p.Label == "" || len(p.Label) > 36:
		return errors.New("label must have 1 to 36 characters")
	case !printable(p.Label):
		return errors.New("label must be printable ASCII")
	case p.Size <= 0 || p.Size%Alignment != 0 || p.Size > MaxDisk:
		return fmt.Errorf("size is %s, want whole MiB from 1MiB to %s", p.Size, MaxDisk)
	}
	slotted := p.Role == RootFS || p.Role == Hash
	switch {
	case !slices.Contains([]Role{ESP, RootFS, Hash, Var}, p.Role):
		return fmt.Errorf("role is %q, want esp, root, hash or state", p.Role)
	case slotted && p.Slot != "A" && p.Slot != "B":
		return fmt.Errorf("slot is %q, want \"A\" or \"B\"", p.Slot)
	case !slotted && p.Slot != "":
		return fmt.Errorf("role %q has no slot", p.Role)
	case p.Role == ESP && p.Size < minESP:
		return fmt.Errorf("size is %s, FAT32 needs at least %s", p.Size, minESP)
	}
	return nil
}

func printable(s string) bool {
	for _, c := range s {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

// checkSlots checks the partitions against each other.
func (l *Layout) checkSlots() []error {
	var errs []error
	if l.Find(ESP, "") == nil {
		errs = append(errs, errors.New("no partition has role esp"))
	}
	if l.Find(RootFS, "A") == nil {
		errs = append(errs, errors.New("no partition has role root and slot A"))
	}
	for _, slot := range []string{"A", "B"} {
		root, hash := l.Find(RootFS, slot), l.Find(Hash, slot)
		switch {
		case root == nil && hash == nil:
		case root == nil || hash == nil:
			errs = append(errs, fmt.Errorf("slot %s needs both a root and a hash partition", slot))
		default:
			if need := verity.HashSize(int64(root.Size)); need > int64(hash.Size) {
				errs = append(errs, fmt.Errorf("%q has %s, a hash tree over all of %q needs %d bytes", hash.Label, hash.Size, root.Label, need))
			}
		}
		if a := l.Find(RootFS, "A"); root != nil && a != nil && root.Size != a.Size {
			errs = append(errs, fmt.Errorf("%q and %q differ in size, an update would not fit both", a.Label, root.Label))
		}
	}
	return errs
}

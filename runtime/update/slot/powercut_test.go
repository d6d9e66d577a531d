package slot_test

import (
	"bytes"
	"io"
	"testing"

	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/verity"
	"github.com/slipway-os/slipway/runtime/update/slot"
	"github.com/slipway-os/slipway/runtime/update/slot/slottest"
)

// TestPowerCuts cuts the power at every operation of an update, with any of
// the sectors that were not synced lost or torn, and holds of what is left:
//
//   - one copy of the partition table is whole;
//   - all entries but the two of the other slot are as they were;
//   - what the other slot is called is true: "_empty", or the old image
//     unchanged, or the new image whole;
//   - nothing outside of the other slot and the tables changed.
func TestPowerCuts(t *testing.T) {
	one, two, three := newBuild(t, 0, 0), newBuild(t, 300_000, 5000), newBuild(t, 700_000, 20_000)
	d := slottest.New(one.disk)
	if _, _, err := update(d, one, two); err != nil {
		t.Fatal(err)
	}
	full := make([]byte, d.Size())
	if _, err := d.ReadAt(full, 0); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		disk     []byte
		from, to *build
		old      *build // what the other slot holds at first
	}{
		"into an empty slot": {one.disk, one, two, nil},
		"over an old image":  {full, two, three, one},
		"over itself":        {full, two, one, one},
	} {
		t.Run(name, func(t *testing.T) {
			d := slottest.New(c.disk)
			s := find(t, d, c.from)
			before := s.Other
			if _, _, err := update(d, c.from, c.to); err != nil {
				t.Fatal(err)
			}
			for i, op := range d.Log() {
				if op.Data != nil && !mayWrite(op.Off, int64(len(op.Data)), d.Size(), before) {
					t.Errorf("operation %d writes %d bytes at %d", i, len(op.Data), op.Off)
				}
			}
			states := 0
			for state := range d.Crashes(1) {
				states++
				judgeCrash(t, state, c.disk, c.from, c.to, c.old)
				if t.Failed() {
					t.Fatalf("cut before operation %d, with %s on the disk", state.Op, state.What)
				}
			}
			t.Logf("%d operations, %d power cuts", len(d.Log()), states)
		})
	}
}

// judgeCrash holds what TestPowerCuts says of one power cut.
func judgeCrash(t *testing.T, state *slottest.State, disk []byte, from, to, old *build) {
	t.Helper()
	table, err := gpt.Read(state, state.Size())
	if err != nil {
		t.Errorf("partition table: %v", err)
		return
	}
	was, err := gpt.Read(bytes.NewReader(disk), state.Size())
	if err != nil {
		t.Fatal(err)
	}
	s, err := slot.Find(readOnly{state}, from.root.Hash)
	if err != nil {
		t.Error(err)
		return
	}
	for i, p := range was.Partitions {
		if p.Index != s.Other.Root.Index && p.Index != s.Other.Hash.Index && table.Partitions[i] != p {
			t.Errorf("entry %d is %+v, was %+v", p.Index, table.Partitions[i], p)
		}
	}
	other := s.Other
	switch {
	case other.Root.Label == slot.Empty && other.Hash.Label == slot.Empty:
	case other.Empty():
		t.Errorf("only one of %q and %q is empty", other.Root.Label, other.Hash.Label)
	case s.Holds(to.root):
		judgeContent(t, state, other, to)
	case old != nil && s.Holds(old.root):
		judgeContent(t, state, other, old)
	case old != nil || other.Root.GUID != was.Partitions[3].GUID:
		t.Errorf("slot is called %+v, which it never held", other)
	}
}

func judgeContent(t *testing.T, state *slottest.State, s slot.Slot, b *build) {
	t.Helper()
	data := io.NewSectionReader(state, s.Root.Start(), s.Root.Size())
	hash := io.NewSectionReader(state, s.Hash.Start(), s.Hash.Size())
	sb := verity.Superblock{UUID: b.root.HashGUID(), DataBlocks: b.root.Blocks, Salt: b.root.Salt}
	faults, _, err := verity.Check(data, hash, sb, b.root.Hash)
	if err != nil || len(faults) > 0 {
		t.Errorf("slot %s is not what it is called: %v, %v", s.Name, faults, err)
	}
}

// TestGoesOnAfterPowerCuts updates again from what power cuts left.
func TestGoesOnAfterPowerCuts(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	d := slottest.New(one.disk)
	into := find(t, d, one).Other
	if _, _, err := update(d, one, two); err != nil {
		t.Fatal(err)
	}
	n, tried := 0, 0
	for state := range d.Crashes(2) {
		if n++; n%8 != 0 {
			continue
		}
		tried++
		again := slottest.New(state.Image())
		if _, _, err := update(again, one, two); err != nil {
			t.Fatalf("after a cut before operation %d, with %s on the disk: %v", state.Op, state.What, err)
		}
		judge(t, again, one.disk, into, two)
	}
	t.Logf("%d power cuts", tried)
}

// TestPowerCutsAreFound is the test of the test: without the sync between the
// two copies of the table it must fail.
func TestPowerCutsAreFound(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	d := slottest.New(one.disk)
	if _, err := find(t, d, one).Begin(two.root); err != nil {
		t.Fatal(err)
	}
	careless := slottest.New(one.disk)
	for _, op := range d.Log() {
		if op.Data == nil {
			continue
		}
		if _, err := careless.WriteAt(op.Data, op.Off); err != nil {
			t.Fatal(err)
		}
	}
	lost := 0
	for state := range careless.Crashes(1) {
		if _, err := gpt.Read(state, state.Size()); err != nil {
			lost++
		}
	}
	if lost == 0 {
		t.Error("a table written without syncs survived every power cut")
	}
}

// readOnly makes a device of what a power cut left.
type readOnly struct{ *slottest.State }

func (readOnly) WriteAt([]byte, int64) (int, error) { panic("written after a power cut") }
func (readOnly) Sync() error                        { panic("synced after a power cut") }
func (readOnly) Direct() (slot.Reader, error)       { panic("read after a power cut") }

package slottest

import (
	"bytes"
	"fmt"
	"iter"
	"math/rand/v2"
)

// State is what a power cut leaves of a disk. It reads like the disk.
type State struct {
	Op   int    // the cut came before this operation of the log
	What string // which of the writes that were not synced are on the disk

	start   []byte
	sectors map[int64][]byte
}

// ReadAt implements io.ReaderAt.
func (s *State) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(s.start).ReadAt(p, off)
	for at := off / SectorSize; at*SectorSize < off+int64(n); at++ {
		if data, ok := s.sectors[at]; ok {
			from := at*SectorSize - off
			copy(p[max(from, 0):n], data[max(-from, 0):])
		}
	}
	return n, err
}

// Image returns all bytes of the disk.
func (s *State) Image() []byte {
	image := bytes.Clone(s.start)
	for at, data := range s.sectors {
		copy(image[at*SectorSize:], data)
	}
	return image
}

// Size is the size of the disk.
func (s *State) Size() int64 { return int64(len(s.start)) }

// exhaustive is up to how many sectors all subsets are tried.
const exhaustive = 8

// Crashes returns the states that a power cut before any operation of the log,
// or in the midst of it, could leave: of the sectors that were written since
// the last sync all subsets, where these are few, else none, all, halves and
// some drawn by seed; and each with one sector torn.
func (d *Disk) Crashes(seed uint64) iter.Seq[*State] {
	c := &crash{start: d.start, synced: map[int64][]byte{}, rand: rand.New(rand.NewPCG(seed, 0))}
	return func(yield func(*State) bool) {
		for i, op := range append(d.Log(), Op{}) {
			if !c.states(i, yield) {
				return
			}
			c.apply(op)
		}
	}
}

// crash follows the log.
type crash struct {
	start   []byte
	synced  map[int64][]byte
	order   []int64 // sectors that are not synced, as they were written
	pending map[int64][]byte
	rand    *rand.Rand
}

func (c *crash) apply(op Op) {
	if op.Data == nil {
		for _, at := range c.order {
			c.synced[at] = c.pending[at]
		}
		c.order, c.pending = nil, nil
		return
	}
	if c.pending == nil {
		c.pending = map[int64][]byte{}
	}
	for i := 0; i < len(op.Data); i += SectorSize {
		at := (op.Off + int64(i)) / SectorSize
		if c.pending[at] == nil {
			c.order = append(c.order, at)
		}
		c.pending[at] = op.Data[i : i+SectorSize]
	}
}

// states yields the states before operation i.
func (c *crash) states(i int, yield func(*State) bool) bool {
	for what, in := range c.subsets() {
		if !yield(c.state(i, what, in, -1)) {
			return false
		}
	}
	torn := c.order
	if len(torn) > exhaustive {
		torn = []int64{torn[0], torn[len(torn)/2], torn[len(torn)-1]}
	}
	for _, at := range torn {
		for what, in := range map[string]func(int) bool{"nothing else": none, "all else": all} {
			if !yield(c.state(i, fmt.Sprintf("sector %d torn, %s", at, what), in, at)) {
				return false
			}
		}
	}
	return true
}

func none(int) bool { return false }
func all(int) bool  { return true }

// subsets yields which of the pending sectors are on the disk.
func (c *crash) subsets() iter.Seq2[string, func(int) bool] {
	return func(yield func(string, func(int) bool) bool) {
		n := len(c.order)
		if n <= exhaustive {
			for set := range 1 << n {
				if !yield(fmt.Sprintf("sectors %0*b", n, set), func(i int) bool { return set>>i&1 == 1 }) {
					return
				}
			}
			return
		}
		if !yield("nothing", none) || !yield("everything", all) ||
			!yield("first half", func(i int) bool { return i < n/2 }) ||
			!yield("second half", func(i int) bool { return i >= n/2 }) {
			return
		}
		for draw := range 4 {
			if !yield(fmt.Sprintf("draw %d", draw), func(int) bool { return c.rand.IntN(2) == 1 }) {
				return
			}
		}
	}
}

func (c *crash) state(i int, what string, in func(int) bool, torn int64) *State {
	s := &State{Op: i, What: what, start: c.start, sectors: make(map[int64][]byte, len(c.synced)+len(c.order))}
	for at, data := range c.synced {
		s.sectors[at] = data
	}
	for k, at := range c.order {
		switch {
		case at == torn:
			mixed := make([]byte, SectorSize)
			s.ReadAt(mixed, at*SectorSize)
			copy(mixed, c.pending[at][:SectorSize/2])
			s.sectors[at] = mixed
		case in(k):
			s.sectors[at] = c.pending[at]
		}
	}
	return s
}

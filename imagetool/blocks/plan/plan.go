// Package plan decides how a host comes by the blocks of an image: which it
// has already and where, and which frames it fetches in how many requests. It
// does no I/O.
package plan

import (
	"github.com/slipway-os/slipway/imagetool/blocks"
)

// Where a block comes from, if not from a device.
const (
	Fetch = -1 // from the network
	Zero  = -2 // it is zero
)

// Local is a device that may hold blocks.
type Local struct {
	Name   string
	Leaves []blocks.Prefix
	// InPlace says that the device is the one that will be written.
	InPlace bool
}

// From is where a block comes from: a block of a device, or Fetch or Zero as
// Local.
type From struct {
	Local, Block int32
}

// MaxMoved bounds the blocks that are copied from one place to another of the
// device that is written (32 MiB): they are held in memory, since what is
// written first could lie where another one is still to be read.
const MaxMoved = 8192

// Plan is where all blocks come from.
type Plan struct {
	Blocks []From
	Counts
	// Ranges are the requests, unless Whole is set: then the whole stream is
	// to be fetched.
	Ranges []Range
	Whole  bool
	// Bytes is what will be fetched.
	Bytes int64
}

// Counts says how many blocks come from where.
type Counts struct {
	InPlace int `json:"in_place"` // already where they belong
	Copied  int `json:"copied"`
	Zero    int `json:"zero"`
	Missing int `json:"missing"`
}

// Make plans. The locals are looked at in order, but a block that lies where
// it belongs is taken first.
func Make(x *blocks.Index, locals []Local, c Cost) *Plan {
	p := &Plan{Blocks: make([]From, x.Blocks())}
	zero := blocks.NewHasher(x.Salt).Prefix(nil)
	places := places(locals)
	moved, last := 0, From{Local: Fetch}
	for b, leaf := range x.Leaves {
		from := find(leaf, b, locals, places, last)
		switch {
		case from.Local >= 0 && locals[from.Local].InPlace && int(from.Block) == b:
			p.InPlace++
		case leaf == zero:
			from = From{Local: Zero}
			p.Zero++
		case from.Local >= 0 && locals[from.Local].InPlace && moved == MaxMoved, from.Local == Fetch:
			from = From{Local: Fetch}
			p.Missing++
		default:
			if locals[from.Local].InPlace {
				moved++
			}
			p.Copied++
		}
		p.Blocks[b], last = from, from
	}
	p.join(x, c)
	return p
}

// join decides on the requests.
func (p *Plan) join(x *blocks.Index, c Cost) {
	p.Ranges = Join(x, func(b int) bool { return p.Blocks[b].Local == Fetch }, c)
	p.Bytes = Bytes(p.Ranges)
	if p.Bytes*100 > x.FramesSize()*int64(c.WholePercent) {
		p.Whole, p.Ranges, p.Bytes = true, nil, x.FramesSize()
	}
}

// places says where each block lies first.
func places(locals []Local) map[blocks.Prefix]From {
	total := 0
	for _, l := range locals {
		total += len(l.Leaves)
	}
	m := make(map[blocks.Prefix]From, total)
	for i, l := range locals {
		for b, leaf := range l.Leaves {
			if _, ok := m[leaf]; !ok {
				m[leaf] = From{Local: int32(i), Block: int32(b)}
			}
		}
	}
	return m
}

// find looks for a block where it belongs, then behind the block that the one
// before came from, so that copies are long runs, then anywhere.
func find(leaf blocks.Prefix, b int, locals []Local, places map[blocks.Prefix]From, last From) From {
	for i, l := range locals {
		if l.InPlace && b < len(l.Leaves) && l.Leaves[b] == leaf {
			return From{Local: int32(i), Block: int32(b)}
		}
	}
	if last.Local >= 0 && !locals[last.Local].InPlace {
		next := int(last.Block) + 1
		if l := locals[last.Local]; next < len(l.Leaves) && l.Leaves[next] == leaf {
			return From{Local: last.Local, Block: int32(next)}
		}
	}
	if from, ok := places[leaf]; ok {
		return from
	}
	return From{Local: Fetch}
}

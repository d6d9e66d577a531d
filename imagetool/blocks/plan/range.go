package plan

import "math"

// Cost is what requests cost beside their bytes.
type Cost struct {
	// Gap is how many bytes that are not wanted are fetched rather than making
	// one more request.
	Gap int64
	// MaxBytes is the largest request; what a broken connection loses and how
	// evenly parallel requests share the work depend on it.
	MaxBytes int64
	// MaxRequests is about how many requests are made; the gap grows until
	// there are no more, if larger requests can help.
	MaxRequests int
	// WholePercent is the share of the whole beyond which the whole is
	// fetched, in one stream.
	WholePercent int
}

// DefaultCost is the cost model of hosts. A request costs some 700 bytes of
// headers both ways and, with several at once, a part of a round trip: 8 KiB
// is what a line of 10 Mbit/s carries in 6 ms.
var DefaultCost = Cost{Gap: 8 << 10, MaxBytes: 2 << 20, MaxRequests: 512, WholePercent: 85}

// Range is a run of frames that one request fetches.
type Range struct {
	First, End     int // frames [First, End)
	Offset, Length int64
}

// Layout is how an image's blocks lie in a file of frames; a blocks.Index is
// one.
type Layout interface {
	Frames() int
	Frame(i int) (offset, length int64)
	FrameRange(i int) (first, end int)
}

// Bytes returns the sum of the ranges' lengths.
func Bytes(ranges []Range) int64 {
	total := int64(0)
	for _, r := range ranges {
		total += r.Length
	}
	return total
}

// Join returns the requests that fetch the frames of all blocks for which
// wanted says so.
func Join(x Layout, wanted func(block int) bool, c Cost) []Range {
	var frames []int
	for i := range x.Frames() {
		first, end := x.FrameRange(i)
		for b := first; b < end; b++ {
			if wanted(b) {
				frames = append(frames, i)
				break
			}
		}
	}
	ranges := joinFrames(x, frames, c)
	for len(ranges) > c.MaxRequests && c.Gap < c.MaxBytes && c.Gap < math.MaxInt64/2 {
		c.Gap = 2*c.Gap + 1
		ranges = joinFrames(x, frames, c)
	}
	return ranges
}

func joinFrames(x Layout, frames []int, c Cost) []Range {
	var ranges []Range
	for _, i := range frames {
		offset, length := x.Frame(i)
		if n := len(ranges); n > 0 {
			r := &ranges[n-1]
			if whole := offset + length - r.Offset; offset-r.Offset-r.Length <= c.Gap && whole <= c.MaxBytes {
				r.End, r.Length = i+1, whole
				continue
			}
		}
		ranges = append(ranges, Range{First: i, End: i + 1, Offset: offset, Length: length})
	}
	return ranges
}

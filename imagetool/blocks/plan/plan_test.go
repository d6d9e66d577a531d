package plan_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
)

var salt = blocks.Salt{1}

// image returns a file whose blocks have the numbers given; 0 is zeros, other
// blocks do not compress.
func image(numbers ...int) []byte {
	var data []byte
	for _, n := range numbers {
		block := make([]byte, 0, blocks.BlockSize)
		for i := 0; n != 0 && len(block) < blocks.BlockSize; i++ {
			sum := sha256.Sum256(binary.LittleEndian.AppendUint64(nil, uint64(n<<32+i)))
			block = append(block, sum[:]...)
		}
		data = append(data, block[:blocks.BlockSize]...)
	}
	return data
}

func index(t *testing.T, numbers ...int) *blocks.Index {
	t.Helper()
	data := image(numbers...)
	x, err := blocks.Write(&bytes.Buffer{}, bytes.NewReader(data), blocks.Options{Size: int64(len(data)), Salt: salt, FrameBlocks: blocks.MinFrameBlocks})
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func leaves(t *testing.T, numbers ...int) []blocks.Prefix { return index(t, numbers...).Leaves }

// count returns n consecutive numbers.
func count(from, n int) []int {
	var s []int
	for i := range n {
		s = append(s, from+i)
	}
	return s
}

func TestMakePrefers(t *testing.T) {
	running, stale := leaves(t, 1, 2, 3, 4, 2, 9), leaves(t, 1, 7, 8, 0, 5, 6)
	locals := []plan.Local{{Name: "A", Leaves: running}, {Name: "B", Leaves: stale, InPlace: true}}
	p := plan.Make(index(t, 1, 0, 2, 9, 5, 8, 4, 0, 11), locals, plan.DefaultCost)
	want := []plan.From{
		{Local: 1, Block: 0}, // 1 lies where it belongs
		{Local: plan.Zero},   //
		{Local: 0, Block: 1}, // 2: first place
		{Local: 0, Block: 5}, // 9
		{Local: 1, Block: 4}, // 5 in place
		{Local: 1, Block: 2}, // 8 moved within B
		{Local: 0, Block: 3}, // 4
		{Local: plan.Zero},   //
		{Local: plan.Fetch},  // 11 is nowhere
	}
	if diff := cmp.Diff(want, p.Blocks); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(plan.Counts{InPlace: 2, Copied: 4, Zero: 2, Missing: 1}, p.Counts); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

func TestMakeCopiesRuns(t *testing.T) {
	p := plan.Make(index(t, 3, 2, 4), []plan.Local{{Leaves: leaves(t, 2, 3, 2, 4)}}, plan.DefaultCost)
	want := []plan.From{{Local: 0, Block: 1}, {Local: 0, Block: 2}, {Local: 0, Block: 3}}
	if diff := cmp.Diff(want, p.Blocks); diff != "" {
		t.Errorf("blocks (-want +got):\n%s", diff)
	}
}

func TestMakeBoundsWhatItMoves(t *testing.T) {
	n := plan.MaxMoved + 5
	old, moved := make([]blocks.Prefix, n), make([]int, n)
	for i := range n {
		old[i] = blocks.Prefix(i)
		moved[i] = i
	}
	x := &blocks.Index{Size: int64(n) * blocks.BlockSize, FrameBlocks: blocks.MaxFrameBlocks, Leaves: append(old[1:n:n], old[0])}
	parsed, err := blocks.ParseIndex(withFrames(x))
	if err != nil {
		t.Fatal(err)
	}
	p := plan.Make(parsed, []plan.Local{{Leaves: old, InPlace: true}}, plan.DefaultCost)
	if p.Copied != plan.MaxMoved || p.Missing != 5 {
		t.Errorf("%d copied, %d missing; want %d, 5", p.Copied, p.Missing, plan.MaxMoved)
	}
}

// withFrames returns the bytes of an index all of whose frames have one byte.
func withFrames(x *blocks.Index) []byte {
	b := x.Marshal()
	frames := (len(x.Leaves) + x.FrameBlocks - 1) / x.FrameBlocks
	table := bytes.Repeat([]byte{1, 0, 0, 0}, frames)
	return append(b[:96:96], append(table, b[96:]...)...)
}

func TestWholeWhereMostIsMissing(t *testing.T) {
	x := index(t, count(1, 80)...) // 10 frames
	old := func(n int) []plan.Local { return []plan.Local{{Leaves: leaves(t, count(1, n)...)}} }
	for have, whole := range map[int]bool{1: true, 8: true, 16: false, 80: false} {
		if p := plan.Make(x, old(have), plan.DefaultCost); p.Whole != whole {
			t.Errorf("%d of 80 blocks had: whole is %v", have, p.Whole)
		} else if whole && (p.Bytes != x.FramesSize() || p.Ranges != nil) {
			t.Errorf("whole of %d bytes, %d ranges", p.Bytes, len(p.Ranges))
		}
	}
}

func TestJoin(t *testing.T) {
	x := index(t, count(1, 80)...) // frames of about 32 KiB
	want := func(frames ...int) func(int) bool {
		return func(b int) bool {
			for _, f := range frames {
				if x.FrameOf(b) == f {
					return true
				}
			}
			return false
		}
	}
	frame := int64(33 << 10)
	tests := []struct {
		name string
		cost plan.Cost
		in   []int
		out  [][2]int
	}{
		{"neighbours", plan.Cost{MaxBytes: 1 << 20, MaxRequests: 9}, []int{0, 1, 2, 5}, [][2]int{{0, 3}, {5, 6}}},
		{"a gap worth it", plan.Cost{Gap: frame, MaxBytes: 1 << 20, MaxRequests: 9}, []int{0, 2, 5}, [][2]int{{0, 3}, {5, 6}}},
		{"large requests are cut", plan.Cost{MaxBytes: 2 * frame, MaxRequests: 9}, []int{0, 1, 2, 3, 4}, [][2]int{{0, 2}, {2, 4}, {4, 5}}},
		{"too many requests", plan.Cost{Gap: 1, MaxBytes: 1 << 20, MaxRequests: 2}, []int{0, 2, 4, 9}, [][2]int{{0, 5}, {9, 10}}},
		{"too many, but none can be joined", plan.Cost{MaxBytes: 1, MaxRequests: 1}, []int{0, 9}, [][2]int{{0, 1}, {9, 10}}},
		{"none", plan.DefaultCost, nil, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var got [][2]int
			for _, r := range plan.Join(x, want(tt.in...), tt.cost) {
				got = append(got, [2]int{r.First, r.End})
				off, _ := x.Frame(r.First)
				last, n := x.Frame(r.End - 1)
				if r.Offset != off || r.Length != last+n-off {
					t.Errorf("range %+v, want %d bytes at %d", r, last+n-off, off)
				}
			}
			if diff := cmp.Diff(tt.out, got); diff != "" {
				t.Errorf("ranges (-want +got):\n%s", diff)
			}
		})
	}
}

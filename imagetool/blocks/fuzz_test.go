package blocks_test

import (
	"bytes"
	"testing"

	"github.com/slipway-os/slipway/imagetool/blocks"
)

// FuzzParseIndex holds that what is accepted is canonical and that frames and
// blocks then add up.
func FuzzParseIndex(f *testing.F) {
	x, _ := write(f, sample()[:50_000], blocks.MinFrameBlocks)
	f.Add(x.Marshal())
	f.Add([]byte("slip-idx"))
	f.Fuzz(func(t *testing.T, data []byte) {
		x, err := blocks.ParseIndex(data)
		if err != nil {
			return
		}
		if !bytes.Equal(x.Marshal(), data) {
			t.Error("an index that is not canonical was accepted")
		}
		bytesOut, at := int64(0), int64(0)
		for i := range x.Frames() {
			offset, length := x.Frame(i)
			if offset != at || length < 1 {
				t.Fatalf("frame %d lies at %d, the one before ends at %d", i, offset, at)
			}
			at += length
			bytesOut += int64(x.FrameBytes(i))
		}
		if at != x.FramesSize() || bytesOut != x.Size {
			t.Errorf("frames of %d bytes give %d, want %d and %d", at, bytesOut, x.FramesSize(), x.Size)
		}
	})
}

// FuzzFrame holds that nothing but the block itself is accepted.
func FuzzFrame(f *testing.F) {
	data := sample()[:20*blocks.BlockSize]
	x, frames := write(f, data, blocks.MinFrameBlocks)
	_, length := x.Frame(0)
	f.Add(frames[:length])
	d, err := blocks.NewDecoder(x)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		out, err := d.Frame(0, frame)
		if err == nil && !bytes.Equal(out, data[:len(out)]) {
			t.Error("other bytes were accepted")
		}
	})
}

package blocks

import (
	"errors"
	"fmt"

	"github.com/klauspost/compress/zstd"
)

// ErrCorrupt says that bytes fetched are not what the index says.
var ErrCorrupt = errors.New("not what the index says")

// Decoder turns frames into blocks. It is not safe for concurrent use.
type Decoder struct {
	index *Index
	zstd  *zstd.Decoder
	hash  *Hasher
	out   []byte
}

// NewDecoder returns a decoder of the frames of an index.
func NewDecoder(x *Index) (*Decoder, error) {
	most := MaxFrameBlocks * BlockSize
	z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(uint64(most)), zstd.WithDecoderMaxWindow(uint64(most)))
	if err != nil {
		return nil, fmt.Errorf("making a zstd decoder: %w", err)
	}
	return &Decoder{index: x, zstd: z, hash: NewHasher(x.Salt), out: make([]byte, 0, most)}, nil
}

// Close frees the decoder.
func (d *Decoder) Close() { d.zstd.Close() }

// Frame decompresses frame i and compares its blocks with the index. The bytes
// returned are valid until the next call. The error is ErrCorrupt where a
// block is wrong; no more is allocated than a frame may have, whatever the
// bytes say.
func (d *Decoder) Frame(i int, frame []byte) ([]byte, error) {
	n := d.index.FrameBytes(i)
	out, err := d.zstd.DecodeAll(frame, d.out[:0:n])
	if err != nil {
		return nil, fmt.Errorf("frame %d is %w: %w", i, ErrCorrupt, err)
	}
	return out, d.Check(i, out)
}

// Check compares the blocks of frame i, decompressed, with the index.
func (d *Decoder) Check(i int, data []byte) error {
	if want := d.index.FrameBytes(i); len(data) != want {
		return fmt.Errorf("frame %d is %w: it has %d bytes, want %d", i, ErrCorrupt, len(data), want)
	}
	first, end := d.index.FrameRange(i)
	for b := first; b < end; b++ {
		at := (b - first) * BlockSize
		if d.hash.Prefix(data[at:min(at+BlockSize, len(data))]) != d.index.Leaves[b] {
			return fmt.Errorf("frame %d is %w: block %d has another hash", i, ErrCorrupt, b)
		}
	}
	return nil
}

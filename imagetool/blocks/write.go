package blocks

import (
	"fmt"
	"io"
	"runtime"

	"github.com/klauspost/compress/zstd"
	"golang.org/x/sync/errgroup"

	"github.com/slipway-os/slipway/imagetool/verity"
)

// Level is the compressor's level. It is part of what makes equal images equal
// bytes, as the version of the compressor is.
const Level = zstd.SpeedBestCompression

// Options say how a file is cut.
type Options struct {
	Size        int64 // of the file, in bytes
	Salt        Salt
	Root        verity.RootHash
	FrameBlocks int // 0 is DefaultFrameBlocks
}

// Write writes the frames of data to out and returns their index. All
// processors compress; the bytes do not depend on how many there are.
func Write(out io.Writer, data io.ReaderAt, o Options) (*Index, error) {
	if o.FrameBlocks == 0 {
		o.FrameBlocks = DefaultFrameBlocks
	}
	if err := checkFrameBlocks(o.FrameBlocks); err != nil {
		return nil, err
	}
	if o.Size < 1 || o.Size > MaxSize {
		return nil, fmt.Errorf("file has %d bytes, want 1 to %d", o.Size, int64(MaxSize))
	}
	n := blocksIn(o.Size)
	x := &Index{Size: o.Size, Salt: o.Salt, Root: o.Root, FrameBlocks: o.FrameBlocks,
		Leaves: make([]Prefix, n), ends: make([]int64, framesIn(n, o.FrameBlocks))}
	workers := runtime.GOMAXPROCS(0)
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(Level), zstd.WithEncoderCRC(false),
		zstd.WithEncoderConcurrency(workers), zstd.WithWindowSize(MaxFrameBlocks*BlockSize))
	if err != nil {
		return nil, fmt.Errorf("making a zstd encoder: %w", err)
	}
	defer enc.Close()
	batch := make([]*piece, 4*workers)
	for i := range batch {
		batch[i] = &piece{enc: enc, hash: NewHasher(o.Salt), in: make([]byte, o.FrameBlocks*BlockSize)}
	}
	end := int64(0)
	for first := 0; first < x.Frames(); first += len(batch) {
		now := batch[:min(len(batch), x.Frames()-first)]
		if err := makePieces(now, x, first, data, workers); err != nil {
			return nil, err
		}
		for i, p := range now {
			if _, err := out.Write(p.out); err != nil {
				return nil, fmt.Errorf("writing frame %d: %w", first+i, err)
			}
			end += int64(len(p.out))
			x.ends[first+i] = end
		}
	}
	return x, nil
}

// piece makes one frame at a time.
type piece struct {
	enc     *zstd.Encoder
	hash    *Hasher
	in, out []byte
}

// makePieces makes the frames from first on, one for each piece.
func makePieces(batch []*piece, x *Index, first int, data io.ReaderAt, workers int) error {
	var group errgroup.Group
	group.SetLimit(workers)
	for i, p := range batch {
		group.Go(func() error { return p.make(x, first+i, data) })
	}
	return group.Wait()
}

func (p *piece) make(x *Index, i int, data io.ReaderAt) error {
	in := p.in[:x.FrameBytes(i)]
	first, end := x.FrameRange(i)
	if err := readFull(data, in, int64(first)*BlockSize); err != nil {
		return fmt.Errorf("reading blocks %d to %d: %w", first, end-1, err)
	}
	for b := first; b < end; b++ {
		at := (b - first) * BlockSize
		x.Leaves[b] = p.hash.Prefix(in[at:min(at+BlockSize, len(in))])
	}
	p.out = p.enc.EncodeAll(in, p.out[:0])
	return nil
}

// readFull is ReadAt for a buffer that must be filled.
func readFull(r io.ReaderAt, b []byte, off int64) error {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return err
}

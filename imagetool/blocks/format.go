package blocks

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Version is the version of the index's format.
const Version = 1

// headerSize is the size in bytes of what comes before the frame table.
const headerSize = 96

var magic = [8]byte{'s', 'l', 'i', 'p', '-', 'i', 'd', 'x'}

// ErrNoIndex says that the bytes do not begin as an index does.
var ErrNoIndex = errors.New("no block index")

// MaxIndexSize is the largest index that ParseIndex reads, in bytes.
const MaxIndexSize = headerSize + MaxSize/BlockSize*8 + MaxSize/BlockSize/MinFrameBlocks*4

// maxFrame returns the largest frame, in bytes, that n bytes may become: a
// compressor that gives up stores them, with a few bytes of headers.
func maxFrame(n int) int { return n + 64 }

// Marshal returns the bytes of the index.
func (x *Index) Marshal() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, headerSize+4*len(x.ends)+8*len(x.Leaves))
	b = append(b, magic[:]...)
	b = le.AppendUint32(b, Version)
	b = le.AppendUint32(b, BlockSize)
	b = le.AppendUint64(b, uint64(x.Size))
	b = le.AppendUint32(b, uint32(x.FrameBlocks))
	b = le.AppendUint32(b, 0)
	b = append(b, x.Salt[:]...)
	b = append(b, x.Root[:]...)
	for i := range x.ends {
		_, length := x.Frame(i)
		b = le.AppendUint32(b, uint32(length))
	}
	for _, p := range x.Leaves {
		b = binary.BigEndian.AppendUint64(b, uint64(p))
	}
	return b
}

// ParseIndex reads an index. It accepts exactly what Marshal writes, and
// returns ErrNoIndex where the signature is missing.
func ParseIndex(b []byte) (*Index, error) {
	if len(b) < headerSize || !bytes.Equal(b[:8], magic[:]) {
		return nil, ErrNoIndex
	}
	x, err := parseHeader(b)
	if err != nil {
		return nil, err
	}
	n := blocksIn(x.Size)
	frames := framesIn(n, x.FrameBlocks)
	if want := headerSize + 4*frames + 8*n; len(b) != want {
		return nil, fmt.Errorf("block index has %d bytes, want %d for a file of %d bytes", len(b), want, x.Size)
	}
	x.Leaves = parseLeaves(b[headerSize+4*frames:], n)
	return x, x.parseFrames(b[headerSize:], frames)
}

func parseHeader(b []byte) (*Index, error) {
	le := binary.LittleEndian
	if v := le.Uint32(b[8:]); v != Version {
		return nil, fmt.Errorf("version of the block index is %d, want %d", v, Version)
	}
	if s := le.Uint32(b[12:]); s != BlockSize {
		return nil, fmt.Errorf("blocks of the index have %d bytes, want %d", s, BlockSize)
	}
	size := le.Uint64(b[16:])
	if size < 1 || size > MaxSize {
		return nil, fmt.Errorf("block index is of a file of %d bytes, want 1 to %d", size, int64(MaxSize))
	}
	frameBlocks := le.Uint32(b[24:])
	if err := checkFrameBlocks(int(frameBlocks)); err != nil {
		return nil, err
	}
	if r := le.Uint32(b[28:]); r != 0 {
		return nil, fmt.Errorf("reserved field of the block index is %#x, want 0", r)
	}
	x := &Index{Size: int64(size), FrameBlocks: int(frameBlocks)}
	copy(x.Salt[:], b[32:64])
	copy(x.Root[:], b[64:96])
	return x, nil
}

func checkFrameBlocks(n int) error {
	if n < MinFrameBlocks || n > MaxFrameBlocks || n&(n-1) != 0 {
		return fmt.Errorf("frames have %d blocks, want a power of 2 from %d to %d", n, MinFrameBlocks, MaxFrameBlocks)
	}
	return nil
}

func (x *Index) parseFrames(b []byte, n int) error {
	x.ends = make([]int64, n)
	end := int64(0)
	for i := range x.ends {
		length := binary.LittleEndian.Uint32(b[4*i:])
		if most := maxFrame(x.FrameBytes(i)); length < 1 || int64(length) > int64(most) {
			return fmt.Errorf("frame %d has %d bytes, want 1 to %d", i, length, most)
		}
		end += int64(length)
		x.ends[i] = end
	}
	return nil
}

func parseLeaves(b []byte, n int) []Prefix {
	leaves := make([]Prefix, n)
	for i := range leaves {
		leaves[i] = PrefixOf(b[8*i:])
	}
	return leaves
}

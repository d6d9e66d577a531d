package verity

import (
	"fmt"
	"io"
)

// overlay is a level of the tree with some hash blocks replaced. A block that
// maps to nil is not to be trusted; it still reads as what is on the device.
type overlay struct {
	base   io.ReaderAt
	blocks map[int64][]byte
}

// ReadAt reads the base and lays the replaced blocks over it.
func (o *overlay) ReadAt(p []byte, off int64) (int, error) {
	n, err := readFull(o.base, p, off)
	if err != nil {
		return n, err
	}
	for b, made := range o.blocks {
		start := b*BlockSize - off
		if made == nil || start >= int64(len(p)) || start+BlockSize <= 0 {
			continue
		}
		if start < 0 {
			copy(p, made[-start:])
		} else {
			copy(p[start:], made)
		}
	}
	return n, nil
}

// memory is a ReaderAt over bytes, for the root hash.
type memory []byte

func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(m)) {
		return 0, fmt.Errorf("offset %d: %w", off, io.EOF)
	}
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

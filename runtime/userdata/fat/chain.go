package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// firstCluster is the number of the first cluster of the data area.
const firstCluster = 2

// chain reads size bytes from the clusters that start at one. Where exact is
// false it reads up to the chain's end, and a chain of more than size bytes is
// an error.
func (f *FS) chain(at uint32, size int64, exact bool) ([]byte, error) {
	var b []byte
	for int64(len(b)) < size {
		if at < firstCluster || at-firstCluster >= f.clusters {
			return nil, fmt.Errorf("cluster %d is outside the disk", at)
		}
		n := f.cluster
		if exact {
			n = min(n, size-int64(len(b)))
		}
		part := make([]byte, n)
		if err := readAt(f.r, part, f.data+int64(at-firstCluster)*f.cluster); err != nil {
			return nil, err
		}
		b = append(b, part...)
		next, err := f.next(at)
		if err != nil {
			return nil, err
		}
		if next == 0 { // the end
			if exact && int64(len(b)) < size {
				return nil, errors.New("the chain of clusters is too short")
			}
			return b, nil
		}
		at = next
	}
	if !exact {
		return nil, fmt.Errorf("the chain of clusters has more than %d bytes", size)
	}
	return b, nil
}

// next follows the table, "FAT Data Structure". The end of a chain is 0.
func (f *FS) next(at uint32) (uint32, error) {
	var b [4]byte
	width, offset := 2, int64(at)*2
	switch f.bits {
	case 12:
		offset = int64(at) + int64(at)/2
	case 32:
		width, offset = 4, int64(at)*4
	}
	if err := readAt(f.r, b[:width], f.table+offset); err != nil {
		return 0, fmt.Errorf("reading the table: %w", err)
	}
	v := binary.LittleEndian.Uint32(b[:])
	end := uint32(0xfff8)
	switch f.bits {
	case 12:
		if at%2 != 0 {
			v >>= 4
		}
		v, end = v&0xfff, 0xff8
	case 32:
		v, end = v&0x0fffffff, 0x0ffffff8
	}
	if v >= end {
		return 0, nil
	}
	if v < firstCluster {
		return 0, fmt.Errorf("cluster %d is in a chain, and free in the table", at)
	}
	return v, nil
}

package iso9660

import (
	"encoding/binary"
	"errors"
)

// A record is one entry of a directory, ECMA-119 9.1.
type record struct {
	block uint32 // where its extent starts, in logical blocks
	size  uint32 // bytes
	dir   bool
	split bool // more extents follow, or the one is interleaved
	id    []byte
}

// Flags of a record, ECMA-119 9.1.6.
const (
	flagDirectory   = 1 << 1
	flagMultiExtent = 1 << 7
)

const recordHeader = 33 // bytes before the identifier

// parseRecord reads the record that b starts with. It also returns the record's
// system use area, where Rock Ridge lies.
func parseRecord(b []byte) (r record, use []byte, err error) {
	if len(b) == 0 || int(b[0]) <= recordHeader || int(b[0]) > len(b) {
		return record{}, nil, errors.New("a directory record has an impossible length")
	}
	b = b[:b[0]]
	end := recordHeader + int(b[32])
	if end > len(b) {
		return record{}, nil, errors.New("a directory record's name is longer than the record")
	}
	flags := b[25]
	r = record{
		block: binary.LittleEndian.Uint32(b[2:]) + uint32(b[1]), // after the extended attributes
		size:  binary.LittleEndian.Uint32(b[10:]),
		dir:   flags&flagDirectory != 0,
		split: flags&flagMultiExtent != 0 || b[26] != 0 || b[27] != 0,
		id:    b[recordHeader:end],
	}
	if end%2 != 0 { // ECMA-119 9.1.12: padded to an even length
		end++
	}
	return r, b[min(end, len(b)):], nil
}

// Rock Ridge, IEEE P1282 4.1.4, on top of SUSP, IEEE P1281.
const (
	maxContinuations = 4
	nameContinues    = 1 << 0 // flag of NM: the next NM goes on with it
	nameSpecial      = 6      // flags of NM for . and ..
)

// rockRidge returns the alternate name in a system use area, "" if it has none.
func (f *FS) rockRidge(use []byte) string {
	var name []byte
	for range maxContinuations {
		var next []byte
		for len(use) >= 4 && int(use[2]) >= 4 && int(use[2]) <= len(use) {
			field := use[:use[2]]
			use = use[use[2]:]
			switch {
			case string(field[:2]) == "NM" && len(field) >= 5:
				if field[4]&nameSpecial != 0 {
					return ""
				}
				name = append(name, field[5:]...)
				if field[4]&nameContinues == 0 {
					return string(name)
				}
			case string(field[:2]) == "CE" && len(field) >= 28:
				next = f.continuation(field)
			}
		}
		if next == nil {
			break
		}
		use = next
	}
	return string(name)
}

// continuation reads the area that a CE field points to, SUSP 5.1. Without it
// the name is as good as not there.
func (f *FS) continuation(field []byte) []byte {
	block := int64(binary.LittleEndian.Uint32(field[4:]))
	offset := int64(binary.LittleEndian.Uint32(field[12:]))
	size := binary.LittleEndian.Uint32(field[20:])
	if size > sectorSize || offset > sectorSize {
		return nil
	}
	b := make([]byte, size)
	if err := readAt(f.r, b, block*sectorSize+offset); err != nil {
		return nil
	}
	return b
}

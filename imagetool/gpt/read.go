package gpt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"

	"github.com/google/uuid"
)

const headerSize = 92

// side is one of the two copies of the table.
type side struct {
	name        string
	headerLBA   uint64
	arrayLBA    uint64
	header, arr []byte // raw sectors
	table       *Table // nil where the copy is damaged
	err         error  // why
	errOffset   int64  // byte offset on the disk of what err speaks of
	errLength   int64
	damagedArr  bool // the header is good, the array is not
}

// Read returns the partition table of a disk of size bytes. Where the first
// copy is damaged the second is used. It returns ErrNotGPT where neither copy
// is there at all.
func Read(r io.ReaderAt, size int64) (*Table, error) {
	primary, backup, err := readSides(r, size)
	if err != nil {
		return nil, err
	}
	switch {
	case primary.table != nil:
		return primary.table, nil
	case backup.table != nil:
		return backup.table, nil
	case errors.Is(primary.err, ErrNotGPT) && errors.Is(backup.err, ErrNotGPT):
		return nil, ErrNotGPT
	}
	return nil, fmt.Errorf("both partition tables are damaged: first: %w; second: %w", primary.err, backup.err)
}

func readSides(r io.ReaderAt, size int64) (primary, backup *side, err error) {
	sectors := uint64(max(size, 0)) / SectorSize
	if sectors < minSectors {
		return nil, nil, fmt.Errorf("%w: image has %d bytes, the smallest disk has %d", ErrNotGPT, size, minSectors*SectorSize)
	}
	primary = &side{name: "first", headerLBA: 1, arrayLBA: 2}
	backup = &side{name: "second", headerLBA: sectors - 1, arrayLBA: sectors - 1 - arraySectors}
	for _, s := range []*side{primary, backup} {
		if err := s.read(r, sectors); err != nil {
			return nil, nil, fmt.Errorf("reading %s partition table: %w", s.name, err)
		}
	}
	return primary, backup, nil
}

func (s *side) read(r io.ReaderAt, sectors uint64) error {
	s.header = make([]byte, SectorSize)
	if _, err := r.ReadAt(s.header, int64(s.headerLBA)*SectorSize); err != nil && err != io.EOF {
		return err
	}
	s.arr = make([]byte, arraySectors*SectorSize)
	if _, err := r.ReadAt(s.arr, int64(s.arrayLBA)*SectorSize); err != nil && err != io.EOF {
		return err
	}
	t := &Table{Sectors: sectors}
	if err := s.parseHeader(t); err != nil {
		s.fail(int64(s.headerLBA)*SectorSize, SectorSize, err)
		return nil
	}
	if sum := crc32.ChecksumIEEE(s.arr); sum != binary.LittleEndian.Uint32(s.header[88:]) {
		s.damagedArr = true
		s.fail(int64(s.arrayLBA)*SectorSize, int64(len(s.arr)), errors.New("checksum of the partition entries is wrong"))
		return nil
	}
	if err := s.parseEntries(t); err != nil {
		s.fail(int64(s.arrayLBA)*SectorSize, int64(len(s.arr)), err)
		return nil
	}
	s.table = t
	return nil
}

func (s *side) fail(off, length int64, err error) {
	s.err, s.errOffset, s.errLength = err, off, length
}

// parseHeader checks the header (UEFI table 5.5) and reads the disk GUID. The
// places that a header names must be the ones where everybody puts them, so
// nothing is allocated or read by what it says.
func (s *side) parseHeader(t *Table) error {
	h, le := s.header, binary.LittleEndian
	if string(h[:8]) != "EFI PART" {
		return ErrNotGPT
	}
	if n := le.Uint32(h[12:]); n != headerSize {
		return fmt.Errorf("header size is %d, want %d", n, headerSize)
	}
	clean := append([]byte(nil), h[:headerSize]...)
	clear(clean[16:20])
	if sum := crc32.ChecksumIEEE(clean); sum != le.Uint32(h[16:]) {
		return errors.New("checksum of the header is wrong")
	}
	for _, b := range h[headerSize:] {
		if b != 0 {
			return errors.New("the rest of the header's sector is not zero")
		}
	}
	other := t.Sectors - 1
	if s.headerLBA == other {
		other = 1
	}
	fields := []struct {
		name      string
		got, want uint64
	}{
		{"revision", uint64(le.Uint32(h[8:])), 0x10000},
		{"reserved field", uint64(le.Uint32(h[20:])), 0},
		{"own sector", le.Uint64(h[24:]), s.headerLBA},
		{"sector of the other header", le.Uint64(h[32:]), other},
		{"first usable sector", le.Uint64(h[40:]), 2 + arraySectors},
		{"last usable sector", le.Uint64(h[48:]), t.lastUsable()},
		{"sector of the entries", le.Uint64(h[72:]), s.arrayLBA},
		{"number of entries", uint64(le.Uint32(h[80:])), Entries},
		{"size of an entry", uint64(le.Uint32(h[84:])), EntrySize},
	}
	for _, f := range fields {
		if f.got != f.want {
			return fmt.Errorf("%s is %d, want %d (is the image truncated, or larger than its disk?)", f.name, f.got, f.want)
		}
	}
	t.GUID = guidFromDisk(h[56:72])
	return nil
}

func (s *side) parseEntries(t *Table) error {
	for i := range Entries {
		e := s.arr[i*EntrySize : (i+1)*EntrySize]
		p := Partition{
			Index:      i + 1,
			Type:       guidFromDisk(e[:16]),
			GUID:       guidFromDisk(e[16:32]),
			First:      binary.LittleEndian.Uint64(e[32:]),
			Last:       binary.LittleEndian.Uint64(e[40:]),
			Attributes: binary.LittleEndian.Uint64(e[48:]),
			Label:      labelFromDisk(e[56:128]),
		}
		if p.Type != uuid.Nil {
			t.Partitions = append(t.Partitions, p)
		}
	}
	return t.checkPlaces()
}

// guidFromDisk turns the mixed-endian form of UEFI appendix A around.
func guidFromDisk(b []byte) uuid.UUID {
	return uuid.UUID{b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6],
		b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]}
}

// labelFromDisk decodes UTF-16LE up to the first zero.
func labelFromDisk(b []byte) string {
	var units []uint16
	for i := 0; i+1 < len(b); i += 2 {
		u := binary.LittleEndian.Uint16(b[i:])
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units))
}

func putLBA(b []byte, lba uint64) { binary.LittleEndian.PutUint64(b, lba) }

// sealHeader sets the checksum of a header.
func sealHeader(h []byte) {
	clear(h[16:20])
	binary.LittleEndian.PutUint32(h[16:], crc32.ChecksumIEEE(h[:headerSize]))
}

package fat

import (
	"encoding/binary"
	"iter"
	"strings"
	"unicode/utf16"
)

// An entry is one file of a directory, "FAT Directory Structure".
type entry struct {
	short   string // 8.3
	long    string // "" without
	label   bool
	dir     bool
	cluster uint32
	size    uint32 // bytes
}

// Bits of an entry's attribute.
const (
	attrLabel = 0x08
	attrDir   = 0x10
	attrLong  = 0x0f // all of them: part of a long name
)

// Marks in the first byte of an entry's name.
const (
	markEnd     = 0x00
	markDeleted = 0xe5
	markE5      = 0x05 // the name starts with 0xe5
)

// find returns the file with a name in a directory.
func find(dir []byte, name string) (entry, bool) {
	for e := range entries(dir) {
		if !e.label && (strings.EqualFold(e.long, name) || strings.EqualFold(e.short, name)) {
			return e, true
		}
	}
	return entry{}, false
}

// entries yields what a directory holds, deleted files apart.
func entries(dir []byte) iter.Seq[entry] {
	return func(yield func(entry) bool) {
		var long longName
		for ; len(dir) >= entrySize && dir[0] != markEnd; dir = dir[entrySize:] {
			b := dir[:entrySize]
			switch {
			case b[0] == markDeleted:
				long = longName{}
			case b[11]&0x3f == attrLong:
				long.add(b)
			default:
				e := parseEntry(b)
				e.long = long.of(b)
				long = longName{}
				if !yield(e) {
					return
				}
			}
		}
	}
}

func parseEntry(b []byte) entry {
	e := entry{
		label:   b[11]&attrLabel != 0,
		dir:     b[11]&attrDir != 0,
		cluster: uint32(binary.LittleEndian.Uint16(b[20:]))<<16 | uint32(binary.LittleEndian.Uint16(b[26:])),
		size:    binary.LittleEndian.Uint32(b[28:]),
	}
	raw := [11]byte(b[:11])
	if raw[0] == markE5 {
		raw[0] = markDeleted
	}
	if e.label {
		e.short = strings.TrimRight(string(raw[:]), " ")
		return e
	}
	e.short = strings.TrimRight(string(raw[:8]), " ")
	if extension := strings.TrimRight(string(raw[8:]), " "); extension != "" {
		e.short += "." + extension
	}
	return e
}

// A longName is put together from the entries before the one that it belongs
// to, "FAT Long Directory Entries". They come last part first.
type longName struct {
	units []uint16
	next  byte // the number of the part that must come next, 0: done
	sum   byte
}

const (
	lastPart   = 0x40 // marks the part that comes first
	maxParts   = 20
	partOffset = 13 // UTF-16 units in a part
)

func (l *longName) add(b []byte) {
	number := b[0] &^ lastPart
	if b[0]&lastPart != 0 {
		*l = longName{next: number, sum: b[13]}
	}
	if number == 0 || number > maxParts || number != l.next || b[13] != l.sum {
		*l = longName{}
		return
	}
	part := make([]uint16, 0, partOffset)
	for _, span := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
		for i := span[0]; i < span[1]; i += 2 {
			part = append(part, binary.LittleEndian.Uint16(b[i:]))
		}
	}
	l.units = append(part, l.units...)
	l.next--
}

// of returns the long name if it is whole and belongs to the entry b.
func (l *longName) of(b []byte) string {
	if len(l.units) == 0 || l.next != 0 || l.sum != checksum(b[:11]) {
		return ""
	}
	units := l.units
	for i, u := range units {
		if u == 0 {
			units = units[:i]
			break
		}
	}
	return string(utf16.Decode(units))
}

// checksum binds a long name to its short one.
func checksum(short []byte) (sum byte) {
	for _, c := range short {
		sum = sum>>1 + sum<<7 + c
	}
	return sum
}

// Package uki assembles unified kernel images: a systemd stub (a PE file) with
// os-release, command line and kernel appended as sections.
//
// References: UAPI.5 "Unified Kernel Image"; Microsoft "PE Format", sections
// "COFF File Header", "Optional Header (Image Only)" and "Section Table".
package uki

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Machine is the COFF machine type of a PE file.
type Machine uint16

// The machines that images are made for.
const (
	X86_64 Machine = 0x8664
	ARM64  Machine = 0xaa64
)

// Arch returns the name that uname gives the machine.
func (m Machine) Arch() string {
	switch m {
	case X86_64:
		return "x86_64"
	case ARM64:
		return "aarch64"
	}
	return fmt.Sprintf("machine-%#04x", uint16(m))
}

// ErrNotPE says that a file is no 64-bit PE image.
var ErrNotPE = errors.New("not a 64-bit PE file")

// Sizes and offsets of the PE format, in bytes.
const (
	coffSize        = 20
	optionalMinSize = 112 // PE32+, without data directories
	sectionSize     = 40
	checksumOffset  = 64 // in the optional header
	maxSections     = 96 // the Windows loader's limit
)

var le = binary.LittleEndian

// Section is one entry of the section table.
type Section struct {
	Name           string
	VirtualSize    uint32
	VirtualAddress uint32
	RawSize        uint32 // SizeOfRawData
	RawOffset      uint32 // PointerToRawData
	Flags          uint32 // Characteristics
}

// File is a PE file in memory with its headers decoded.
type File struct {
	Data     []byte
	Machine  Machine
	Sections []Section

	coff, optional, table int // offsets in Data
	sectionAlign          uint32
	fileAlign             uint32
}

// Parse reads the headers of a PE32+ file. Data is kept, not copied. Every
// section must lie within the file.
func Parse(data []byte) (*File, error) {
	f := &File{Data: data}
	if len(data) < 64 || data[0] != 'M' || data[1] != 'Z' {
		return nil, ErrNotPE
	}
	pe := int64(le.Uint32(data[60:]))
	if pe+4+coffSize+optionalMinSize > int64(len(data)) || string(data[pe:pe+4]) != "PE\x00\x00" {
		return nil, ErrNotPE
	}
	f.coff = int(pe) + 4
	f.optional = f.coff + coffSize
	f.Machine = Machine(le.Uint16(data[f.coff:]))
	optionalSize := int(le.Uint16(data[f.coff+16:]))
	if optionalSize < optionalMinSize || le.Uint16(data[f.optional:]) != 0x20b {
		return nil, ErrNotPE
	}
	f.table = f.optional + optionalSize
	f.sectionAlign, f.fileAlign = le.Uint32(data[f.optional+32:]), le.Uint32(data[f.optional+36:])
	for _, a := range []uint32{f.sectionAlign, f.fileAlign} {
		if a == 0 || a&(a-1) != 0 || a > 1<<20 {
			return nil, fmt.Errorf("PE alignment %d is not a power of two up to 1 MiB", a)
		}
	}
	return f, f.parseSections()
}

func (f *File) parseSections() error {
	n := int(le.Uint16(f.Data[f.coff+2:]))
	if n > maxSections || f.table+n*sectionSize > len(f.Data) {
		return fmt.Errorf("PE section table with %d entries does not fit", n)
	}
	for i := range n {
		e := f.Data[f.table+i*sectionSize:]
		s := Section{
			Name:           cstring(e[:8]),
			VirtualSize:    le.Uint32(e[8:]),
			VirtualAddress: le.Uint32(e[12:]),
			RawSize:        le.Uint32(e[16:]),
			RawOffset:      le.Uint32(e[20:]),
			Flags:          le.Uint32(e[36:]),
		}
		if uint64(s.RawOffset)+uint64(s.RawSize) > uint64(len(f.Data)) {
			return fmt.Errorf("section %q ends at byte %d, the file has %d (is it truncated?)", s.Name, uint64(s.RawOffset)+uint64(s.RawSize), len(f.Data))
		}
		if uint64(s.VirtualAddress)+uint64(s.VirtualSize) > 1<<32-1 {
			return fmt.Errorf("section %q lies beyond 4 GiB", s.Name)
		}
		f.Sections = append(f.Sections, s)
	}
	return nil
}

func cstring(b []byte) string {
	for i, c := range b {
		if c == 0 {
			return string(b[:i])
		}
	}
	return string(b)
}

// Find returns the section with the name, or nil.
func (f *File) Find(name string) *Section {
	for i := range f.Sections {
		if f.Sections[i].Name == name {
			return &f.Sections[i]
		}
	}
	return nil
}

// Content returns the bytes of the named section without padding.
func (f *File) Content(name string) ([]byte, error) {
	s := f.Find(name)
	if s == nil {
		return nil, fmt.Errorf("no section %q", name)
	}
	return f.Data[s.RawOffset : s.RawOffset+min(s.RawSize, s.VirtualSize)], nil
}

// Checksum returns the value of the CheckSum field.
func (f *File) Checksum() uint32 { return le.Uint32(f.Data[f.optional+checksumOffset:]) }

// sizeOfHeaders returns the field of that name.
func (f *File) sizeOfHeaders() uint32 { return le.Uint32(f.Data[f.optional+60:]) }

// securityDirectory returns the place of the data directory entry for the
// signature, or false where the header is too short to have one.
func (f *File) securityDirectory() (offset int, ok bool) {
	const entry = 4
	if le.Uint32(f.Data[f.optional+108:]) <= entry {
		return 0, false
	}
	offset = f.optional + optionalMinSize + entry*8
	return offset, offset+8 <= f.table
}

// Signed says whether the file carries an Authenticode signature.
func (f *File) Signed() bool {
	off, ok := f.securityDirectory()
	return ok && le.Uint32(f.Data[off+4:]) != 0
}

// ComputeChecksum returns the checksum that belongs into the CheckSum field:
// a folded 16-bit sum of the file without the field itself, plus its length.
// It changes with every change of a single byte.
func (f *File) ComputeChecksum() uint32 {
	field := f.optional + checksumOffset
	var sum uint64
	add := func(b []byte) {
		for ; len(b) >= 2; b = b[2:] {
			sum += uint64(le.Uint16(b))
		}
		if len(b) == 1 {
			sum += uint64(b[0])
		}
	}
	if field%2 == 1 { // an odd place would shift the halves: sum a copy
		b := append([]byte(nil), f.Data...)
		clear(b[field : field+4])
		add(b)
	} else {
		add(f.Data[:field])
		add(f.Data[field+4:])
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return uint32(sum) + uint32(len(f.Data))
}

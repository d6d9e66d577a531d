package uki

import (
	"bytes"
	"errors"
	"fmt"
	"math"
)

// Section flags (IMAGE_SCN_*).
const (
	scnCode        = 0x00000020
	scnInitialized = 0x00000040
	scnRead        = 0x40000000
)

// Parts are the inputs of a unified kernel image.
type Parts struct {
	Stub      []byte // systemd's linux*.efi.stub
	Kernel    []byte // bzImage, or Image with an EFI stub
	OSRelease []byte
	Cmdline   string
	Uname     string // kernel release; empty leaves the section out
}

// ErrNoKernel says that the kernel given has no EFI stub of its own.
var ErrNoKernel = errors.New("kernel is no EFI executable (CONFIG_EFI_STUB)")

// Build returns the unified kernel image. The last section, ".crc32c", holds
// checksums of all blocks before it (see Checksums).
func Build(p Parts) ([]byte, error) {
	stub, err := Parse(p.Stub)
	if err != nil {
		return nil, fmt.Errorf("stub: %w", err)
	}
	kernel, err := Parse(p.Kernel)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoKernel, err)
	}
	if kernel.Machine != stub.Machine {
		return nil, fmt.Errorf("kernel is for %s, stub for %s", kernel.Machine.Arch(), stub.Machine.Arch())
	}
	if stub.Signed() {
		return nil, errors.New("stub is signed; adding sections would break the signature")
	}
	b, err := newBuilder(stub, 5)
	if err != nil {
		return nil, err
	}
	b.add(".osrel", p.OSRelease, scnInitialized)
	b.add(".cmdline", []byte(p.Cmdline), scnInitialized)
	if p.Uname != "" {
		b.add(".uname", []byte(p.Uname), scnInitialized)
	}
	b.pad(kernelAlign)
	b.add(".linux", p.Kernel, scnCode)
	return b.finish()
}

// kernelAlign is what the kernel's place in the file is a multiple of, in bytes:
// an update looks for blocks of this size that the host has already, and must
// find those of an unchanged kernel behind a longer command line.
const kernelAlign = 4096

// builder appends sections to a copy of a PE file.
type builder struct {
	data        []byte
	file        *File
	sections    []Section
	initialized uint32 // sum of the sizes added
}

// newBuilder copies the stub, with all raw data aligned and room for extra
// more entries in the section table.
func newBuilder(stub *File, extra int) (*builder, error) {
	end := stub.table + (len(stub.Sections)+extra)*sectionSize
	headers := align(uint64(max(end, int(stub.sizeOfHeaders()))), stub.fileAlign)
	b := &builder{data: make([]byte, headers), file: stub}
	copy(b.data, stub.Data[:stub.table])
	for _, s := range stub.Sections {
		if uint64(s.VirtualAddress) < headers {
			return nil, fmt.Errorf("stub has no room for %d more section headers before %q", extra, s.Name)
		}
		content := stub.Data[s.RawOffset : s.RawOffset+s.RawSize]
		s.RawOffset, s.RawSize = b.append(content)
		b.sections = append(b.sections, s)
	}
	// Old stubs keep a symbol table, which section headers could not find
	// any more; images have no use for one.
	clear(b.data[stub.coff+8 : stub.coff+16])
	le.PutUint32(b.data[stub.optional+60:], uint32(headers))
	return b, nil
}

func align(n uint64, to uint32) uint64 { return (n + uint64(to) - 1) / uint64(to) * uint64(to) }

// append adds raw data, padded to the file alignment.
func (b *builder) append(content []byte) (offset, size uint32) {
	if len(content) == 0 {
		return 0, 0
	}
	offset = uint32(len(b.data))
	b.data = append(b.data, content...)
	b.data = append(b.data, make([]byte, align(uint64(len(b.data)), b.file.fileAlign)-uint64(len(b.data)))...)
	return offset, uint32(len(b.data)) - offset
}

// pad lets the last section's raw data end at a multiple of to.
func (b *builder) pad(to uint32) {
	n := align(uint64(len(b.data)), to) - uint64(len(b.data))
	b.data = append(b.data, make([]byte, n)...)
	b.sections[len(b.sections)-1].RawSize += uint32(n)
	b.initialized += uint32(n)
}

// nextAddress returns where the next section goes in memory.
func (b *builder) nextAddress() uint64 {
	end := uint64(0)
	for _, s := range b.sections {
		end = max(end, uint64(s.VirtualAddress)+uint64(s.VirtualSize))
	}
	// Debian 12's stub says a section alignment of 512, but its sections are
	// mapped by page; ukify aligns to what the header says, a page is always
	// a multiple of it.
	return align(end, max(b.file.sectionAlign, 4096))
}

func (b *builder) add(name string, content []byte, flags uint32) {
	s := Section{Name: name, VirtualSize: uint32(len(content)), VirtualAddress: uint32(b.nextAddress()), Flags: flags | scnRead}
	s.RawOffset, s.RawSize = b.append(content)
	b.sections = append(b.sections, s)
	if flags&scnInitialized != 0 {
		b.initialized += s.RawSize
	}
}

// finish writes the headers, adds the block checksums and sets CheckSum.
func (b *builder) finish() ([]byte, error) {
	if len(b.data) > math.MaxInt32 {
		return nil, fmt.Errorf("image would have %d bytes, a PE file has at most 2 GiB", len(b.data))
	}
	size := ChecksumsSize(len(b.data))
	start := len(b.data)
	b.add(ChecksumSection, make([]byte, size), scnInitialized)
	o := b.file.optional
	le.PutUint16(b.data[b.file.coff+2:], uint16(len(b.sections)))
	le.PutUint32(b.data[o+8:], le.Uint32(b.data[o+8:])+b.initialized) // SizeOfInitializedData
	le.PutUint32(b.data[o+56:], uint32(align(b.nextAddress(), b.file.sectionAlign)))
	b.putSections()
	f, err := Parse(b.data)
	if err != nil {
		return nil, fmt.Errorf("reading back: %w", err)
	}
	copy(b.data[start:], f.Checksums(start))
	le.PutUint32(b.data[o+checksumOffset:], f.ComputeChecksum())
	return b.data, nil
}

func (b *builder) putSections() {
	var table bytes.Buffer
	for _, s := range b.sections {
		e := make([]byte, sectionSize)
		copy(e[:8], s.Name)
		le.PutUint32(e[8:], s.VirtualSize)
		le.PutUint32(e[12:], s.VirtualAddress)
		le.PutUint32(e[16:], s.RawSize)
		le.PutUint32(e[20:], s.RawOffset)
		le.PutUint32(e[36:], s.Flags)
		table.Write(e)
	}
	copy(b.data[b.file.table:], table.Bytes())
}

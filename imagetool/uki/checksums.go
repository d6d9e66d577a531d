package uki

import (
	"bytes"
	"fmt"
	"hash/crc32"
)

// ChecksumSection is the name of the section with the block checksums. The
// stub and the firmware ignore it; it lets `imagetool verify` say where in
// 15 MB of kernel a byte has changed, which the one checksum in the PE header
// cannot.
//
// It holds the 4 bytes "CRC1", then the CRC-32C (little endian) of each
// 4096-byte block of the file before the section, then the CRC-32C of the
// section up to here. For the checksums the fields CheckSum and the security
// directory count as zero, as in Authenticode, so that signing changes none.
const ChecksumSection = ".crc32c"

const (
	checksumBlock = 4096
	checksumMagic = "CRC1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// ChecksumsSize returns the size in bytes of the section for a file that has
// n bytes before it.
func ChecksumsSize(n int) int {
	return len(checksumMagic) + 4*((n+checksumBlock-1)/checksumBlock) + 4
}

// Checksums returns the content of the section for the first n bytes.
func (f *File) Checksums(n int) []byte {
	out := []byte(checksumMagic)
	for off := 0; off < n; off += checksumBlock {
		out = le.AppendUint32(out, crc32.Checksum(f.masked(off, min(off+checksumBlock, n)), castagnoli))
	}
	return le.AppendUint32(out, crc32.Checksum(out, castagnoli))
}

// masked returns the bytes [from, to) with the fields that signing changes
// set to zero.
func (f *File) masked(from, to int) []byte {
	b := f.Data[from:to]
	copied := false
	mask := func(start, length int) {
		if start >= to || start+length <= from {
			return
		}
		if !copied {
			b, copied = bytes.Clone(b), true
		}
		clear(b[max(start, from)-from : min(start+length, to)-from])
	}
	mask(f.optional+checksumOffset, 4)
	if off, ok := f.securityDirectory(); ok {
		mask(off, 8)
	}
	return b
}

// Damage is a damaged part of a file: Length bytes from Offset.
type Damage struct {
	Offset, Length int
	Message        string
}

// Check compares a file with the checksums that it carries.
func (f *File) Check() []Damage {
	var found []Damage
	if s := f.Find(ChecksumSection); s == nil {
		found = append(found, Damage{0, len(f.Data), "no section " + ChecksumSection + ", so that damage cannot be located"})
	} else {
		found = f.checkBlocks(s)
	}
	if len(found) == 0 {
		found = f.checkHeader()
	}
	return found
}

// checkHeader checks what the block checksums leave out: CheckSum, and the
// place of the signature, which must be at the end of the file.
func (f *File) checkHeader() []Damage {
	if off, ok := f.securityDirectory(); ok {
		at, size := uint64(le.Uint32(f.Data[off:])), uint64(le.Uint32(f.Data[off+4:]))
		if (at != 0 || size != 0) && (at+size != uint64(len(f.Data)) || at < uint64(f.rawEnd()) || size == 0) {
			return []Damage{{off, 8, fmt.Sprintf("signature is said to be %d bytes at %d, which is not the end of the file", size, at)}}
		}
	}
	if is, want := f.Checksum(), f.ComputeChecksum(); is != want {
		return []Damage{{f.optional + checksumOffset, 4,
			fmt.Sprintf("checksum in the PE header is %#08x, the file adds up to %#08x, and all blocks before %s are good: the damage is in the header field or after the last section", is, want, ChecksumSection)}}
	}
	return nil
}

// rawEnd returns where the last section ends in the file.
func (f *File) rawEnd() uint32 {
	end := uint32(0)
	for _, s := range f.Sections {
		end = max(end, s.RawOffset+s.RawSize)
	}
	return end
}

func (f *File) checkBlocks(s *Section) []Damage {
	n := int(s.RawOffset)
	content := f.Data[n : n+int(s.RawSize)]
	if ChecksumsSize(n) > len(content) || string(content[:4]) != checksumMagic {
		return []Damage{{n, len(content), "section " + ChecksumSection + " has a wrong size or start"}}
	}
	content = content[:ChecksumsSize(n)]
	last := len(content) - 4
	if crc32.Checksum(content[:last], castagnoli) != le.Uint32(content[last:]) {
		return []Damage{{n, len(content), "section " + ChecksumSection + " is damaged"}}
	}
	var found []Damage
	for i, off := 0, 0; off < n; i, off = i+1, off+checksumBlock {
		end := min(off+checksumBlock, n)
		if crc32.Checksum(f.masked(off, end), castagnoli) != le.Uint32(content[4+4*i:]) {
			found = append(found, Damage{off, end - off, "block does not have the checksum in " + ChecksumSection + f.sectionNote(off)})
		}
	}
	padding := f.Data[n+len(content) : s.RawOffset+s.RawSize]
	if i := bytes.IndexFunc(padding, func(r rune) bool { return r != 0 }); i >= 0 {
		found = append(found, Damage{n + len(content) + i, 1, "padding of the last section is not zero"})
	}
	return found
}

// sectionNote names the section that a file offset lies in.
func (f *File) sectionNote(off int) string {
	for _, s := range f.Sections {
		if off+checksumBlock > int(s.RawOffset) && off < int(s.RawOffset+s.RawSize) {
			return fmt.Sprintf(" (section %s)", s.Name)
		}
	}
	return " (headers)"
}

// Package erofs makes EROFS images by mkfs.erofs and reads their superblock.
//
// Reference: kernel Documentation/filesystems/erofs.rst, "On-disk details".
package erofs

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/google/uuid"
)

// BlockSize is the only block size that Slipway uses, that of dm-verity.
const BlockSize = 4096

const (
	superOffset    = 1024
	superSize      = 128
	magic          = 0xe0f5e1e2
	compatChecksum = 0x1
)

// ErrNoSuperblock says that there is no EROFS.
var ErrNoSuperblock = errors.New("no EROFS superblock")

// Superblock is the part of the superblock that imagetool cares for.
type Superblock struct {
	Blocks    uint32 // of BlockSize bytes
	Inodes    uint64
	BuildTime uint64 // seconds since 1970
	UUID      uuid.UUID
	Label     string
}

// Size returns the size of the file system in bytes.
func (s Superblock) Size() int64 { return int64(s.Blocks) * BlockSize }

// ReadSuperblock reads the superblock and checks its checksum.
func ReadSuperblock(r io.ReaderAt) (*Superblock, error) {
	block := make([]byte, BlockSize)
	if n, err := r.ReadAt(block, 0); n < len(block) {
		return nil, fmt.Errorf("%w: reading the first block: %w", ErrNoSuperblock, err)
	}
	return ParseSuperblock(block)
}

// ParseSuperblock reads the superblock in the first block of an image.
func ParseSuperblock(block []byte) (*Superblock, error) {
	if len(block) < BlockSize {
		return nil, ErrNoSuperblock
	}
	b, le := block[superOffset:BlockSize], binary.LittleEndian
	if le.Uint32(b) != magic {
		return nil, ErrNoSuperblock
	}
	if bits := b[12]; bits != 12 {
		return nil, fmt.Errorf("EROFS block size is 2^%d, want %d", bits, BlockSize)
	}
	if le.Uint32(b[8:])&compatChecksum == 0 {
		return nil, errors.New("EROFS superblock has no checksum")
	}
	if sum := checksum(b); sum != le.Uint32(b[4:]) {
		return nil, fmt.Errorf("EROFS superblock checksum is %#08x, want %#08x", le.Uint32(b[4:]), sum)
	}
	s := &Superblock{
		Blocks:    le.Uint32(b[36:]),
		Inodes:    le.Uint64(b[16:]),
		BuildTime: le.Uint64(b[24:]),
		UUID:      uuid.UUID(b[48:64]),
		Label:     string(bytes.TrimRight(b[64:80], "\x00")),
	}
	if s.Blocks == 0 {
		return nil, errors.New("EROFS superblock counts no blocks")
	}
	return s, nil
}

// checksum is CRC-32C without the final inversion, from the superblock to the
// end of its block, with the checksum field zero.
func checksum(b []byte) uint32 {
	b = bytes.Clone(b)
	clear(b[4:8])
	return ^crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli))
}

// Package verity makes and checks dm-verity hash devices of format 1, as
// `veritysetup format` lays them out: one block with the superblock, then the
// levels of the hash tree from the one below the root hash down to the one
// that holds the hashes of the data blocks.
//
// Only what Slipway uses is supported: SHA-256, data and hash blocks of 4096
// bytes, no forward error correction.
//
// Reference: kernel Documentation/admin-guide/device-mapper/verity.rst and
// cryptsetup docs "on-disk format of dm-verity".
package verity

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/google/uuid"
)

// BlockSize is the size in bytes of data blocks and of hash blocks.
const BlockSize = 4096

// SuperblockSize is the size in bytes of the superblock; the rest of its
// block is zero.
const SuperblockSize = 512

// MaxDataBlocks bounds the data device (16 TiB), so that sums of block
// numbers and byte offsets stay within an int64 whatever a superblock says.
const MaxDataBlocks = 1 << 32

// ErrNoSuperblock says that the bytes do not begin with a verity superblock.
var ErrNoSuperblock = errors.New("no dm-verity superblock")

var signature = [8]byte{'v', 'e', 'r', 'i', 't', 'y', 0, 0}

// maxSalt is the size in bytes of the salt field.
const maxSalt = 256

// Superblock describes a hash device.
type Superblock struct {
	UUID       uuid.UUID
	DataBlocks int64
	Salt       []byte
}

// Marshal returns the 512 bytes of the superblock.
func (s Superblock) Marshal() ([]byte, error) {
	if len(s.Salt) > maxSalt {
		return nil, fmt.Errorf("salt has %d bytes, at most %d fit", len(s.Salt), maxSalt)
	}
	if s.DataBlocks < 1 || s.DataBlocks > MaxDataBlocks {
		return nil, fmt.Errorf("%d data blocks, want 1 to %d", s.DataBlocks, int64(MaxDataBlocks))
	}
	b := make([]byte, SuperblockSize)
	copy(b, signature[:])
	le := binary.LittleEndian
	le.PutUint32(b[8:], 1)  // version of the superblock
	le.PutUint32(b[12:], 1) // hash type: salt first
	copy(b[16:32], s.UUID[:])
	copy(b[32:64], "sha256")
	le.PutUint32(b[64:], BlockSize)
	le.PutUint32(b[68:], BlockSize)
	le.PutUint64(b[72:], uint64(s.DataBlocks))
	le.PutUint16(b[80:], uint16(len(s.Salt)))
	copy(b[88:], s.Salt)
	return b, nil
}

// ParseSuperblock reads the first SuperblockSize bytes of b. It accepts
// exactly what Marshal writes: unused bytes must be zero. It returns
// ErrNoSuperblock where the signature is missing.
func ParseSuperblock(b []byte) (*Superblock, error) {
	if len(b) < SuperblockSize {
		return nil, fmt.Errorf("%w: %d bytes, want %d", ErrNoSuperblock, len(b), SuperblockSize)
	}
	b = b[:SuperblockSize]
	if !bytes.Equal(b[:8], signature[:]) {
		return nil, ErrNoSuperblock
	}
	le := binary.LittleEndian
	if v := le.Uint32(b[8:]); v != 1 {
		return nil, fmt.Errorf("superblock version is %d, want 1", v)
	}
	if t := le.Uint32(b[12:]); t != 1 {
		return nil, fmt.Errorf("hash type is %d, want 1", t)
	}
	if alg := string(bytes.TrimRight(b[32:64], "\x00")); alg != "sha256" {
		return nil, fmt.Errorf("hash algorithm is %q, want sha256", alg)
	}
	if d, h := le.Uint32(b[64:]), le.Uint32(b[68:]); d != BlockSize || h != BlockSize {
		return nil, fmt.Errorf("data and hash blocks have %d and %d bytes, want %d", d, h, BlockSize)
	}
	blocks := le.Uint64(b[72:])
	if blocks < 1 || blocks > MaxDataBlocks {
		return nil, fmt.Errorf("%d data blocks, want 1 to %d", blocks, uint64(MaxDataBlocks))
	}
	saltSize := int(le.Uint16(b[80:]))
	if saltSize > maxSalt {
		return nil, fmt.Errorf("salt has %d bytes, at most %d fit", saltSize, maxSalt)
	}
	s := &Superblock{DataBlocks: int64(blocks), Salt: bytes.Clone(b[88 : 88+saltSize])}
	copy(s.UUID[:], b[16:32])
	return s, s.checkUnused(b)
}

// checkUnused compares with the canonical bytes, which finds anything in the
// padding.
func (s *Superblock) checkUnused(b []byte) error {
	want, err := s.Marshal()
	if err != nil {
		return err
	}
	for i := range want {
		if want[i] != b[i] {
			return fmt.Errorf("byte %d of the superblock is %#02x, want %#02x", i, b[i], want[i])
		}
	}
	return nil
}

// Package ext4 makes the empty file system of the state partition by
// mkfs.ext4 and reads its superblock.
//
// Reference: kernel Documentation/filesystems/ext4/super.rst.
package ext4

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

const (
	superOffset = 1024
	superSize   = 1024
	magic       = 0xef53
	metadataSum = 0x400 // RO_COMPAT_METADATA_CSUM
	feature64   = 0x80  // INCOMPAT_64BIT
)

// ErrNoSuperblock says that there is no ext4.
var ErrNoSuperblock = errors.New("no ext4 superblock")

// Options say how a file system is made. Equal options give equal bytes.
type Options struct {
	Size    int64 // bytes
	Journal int64 // bytes, whole MiB
	UUID    uuid.UUID
	Label   string // at most 16 bytes
	Time    time.Time
}

// Make makes an empty file system in a new file at path by mkfs.ext4 (from
// PATH). Block size and inode density are those of a large file system,
// because it will be grown: mkfs.ext4 would choose 1 KiB blocks for its size
// now.
func Make(ctx context.Context, path string, o Options) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("creating file system: %w", err)
	}
	err = errors.Join(f.Truncate(o.Size), f.Close())
	if err != nil {
		return fmt.Errorf("creating file system: %w", err)
	}
	seconds := strconv.FormatInt(o.Time.Unix(), 10)
	cmd := exec.CommandContext(ctx, "mkfs.ext4", "-q", "-F", "-b", "4096", "-i", "16384", "-I", "256", "-m", "0",
		"-J", "size="+strconv.FormatInt(o.Journal>>20, 10), "-L", o.Label, "-U", o.UUID.String(),
		"-E", "hash_seed="+o.UUID.String()+",root_owner=0:0,nodiscard,lazy_itable_init=0,lazy_journal_init=0", path)
	// The first variable is read by e2fsprogs 1.47.1 and later, the second by
	// all; 0 would mean "now".
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC", "SOURCE_DATE_EPOCH="+seconds, "E2FSPROGS_FAKE_TIME="+seconds)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making ext4: mkfs.ext4: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Superblock is the part of the superblock that imagetool cares for.
type Superblock struct {
	BlockSize    int64
	Blocks, Free uint64
	UUID         uuid.UUID
}

// Size and Used return bytes.
func (s Superblock) Size() int64 { return int64(s.Blocks) * s.BlockSize }

// Used returns the bytes taken by metadata and files.
func (s Superblock) Used() int64 { return int64(s.Blocks-s.Free) * s.BlockSize }

// ReadSuperblock reads the superblock and checks its checksum.
func ReadSuperblock(r io.ReaderAt) (*Superblock, error) {
	b := make([]byte, superSize)
	if n, err := r.ReadAt(b, superOffset); n < len(b) {
		return nil, fmt.Errorf("%w: %w", ErrNoSuperblock, err)
	}
	return ParseSuperblock(b)
}

// ParseSuperblock reads the 1024 bytes of a superblock.
func ParseSuperblock(b []byte) (*Superblock, error) {
	le := binary.LittleEndian
	if len(b) < superSize || le.Uint16(b[56:]) != magic {
		return nil, ErrNoSuperblock
	}
	if le.Uint32(b[100:])&metadataSum == 0 {
		return nil, errors.New("ext4 superblock has no checksum")
	}
	if sum := ^crc32.Checksum(b[:1020], crc32.MakeTable(crc32.Castagnoli)); sum != le.Uint32(b[1020:]) {
		return nil, fmt.Errorf("ext4 superblock checksum is %#08x, want %#08x", le.Uint32(b[1020:]), sum)
	}
	shift := le.Uint32(b[24:])
	if shift > 6 {
		return nil, fmt.Errorf("ext4 block size is 2^(10+%d)", shift)
	}
	s := &Superblock{BlockSize: 1024 << shift, UUID: uuid.UUID(b[104:120])}
	s.Blocks, s.Free = uint64(le.Uint32(b[4:])), uint64(le.Uint32(b[12:]))
	if le.Uint32(b[96:])&feature64 != 0 {
		s.Blocks |= uint64(le.Uint32(b[0x150:])) << 32
		s.Free |= uint64(le.Uint32(b[0x158:])) << 32
	}
	if s.Free > s.Blocks || s.Blocks > 1<<47 {
		return nil, fmt.Errorf("ext4 superblock counts %d blocks, %d of them free", s.Blocks, s.Free)
	}
	return s, nil
}

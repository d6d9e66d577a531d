// Package blocks is the format in which an image travels: an index, which
// names every 4 KiB block of a file by 8 bytes of its salted hash, and the file
// itself as independent zstd frames, any run of which one range request gets.
// Whoever has some of the blocks already reads the index, and fetches the
// frames that hold the others.
//
// The formats are described in docs/design/0004-update-artefacts.md. The index
// is small, signed and fetched whole; frames are fetched in part, so nothing
// that they hold is believed before its blocks have the index's hashes.
package blocks

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/slipway-os/slipway/imagetool/verity"
)

// BlockSize is the size in bytes of a block, that of dm-verity.
const BlockSize = verity.BlockSize

// MaxSize bounds the file (4 GiB): a reader holds the index in memory.
const MaxSize = 4 << 30

// Prefix is the first 8 bytes of the hash of a block, SHA-256(salt || block),
// big endian. It tells blocks apart; it does not prove them.
type Prefix uint64

// Frame sizes in blocks: 32, 64 and 128 KiB. Smaller frames fetch less that is
// not wanted; larger ones compress better, by 3 to 4 % in all.
const (
	MinFrameBlocks     = 8
	MaxFrameBlocks     = 32
	DefaultFrameBlocks = MinFrameBlocks
)

// Salt is that of all blocks' hashes; it must be the one of the hash trees
// that the index is compared with.
type Salt [sha256.Size]byte

// Index says what blocks a file has, and where its frames lie.
type Index struct {
	// Size of the file in bytes. The last block is hashed as if zeros
	// followed, the last frame holds only what is there.
	Size int64
	Salt Salt
	// Root is what the whole file must give: the root hash of its dm-verity
	// tree, or the SHA-256 of a file that has none.
	Root verity.RootHash
	// FrameBlocks is how many blocks a frame holds; the last may hold fewer.
	FrameBlocks int
	// Leaves has one prefix for each block, in order.
	Leaves []Prefix
	// ends has the offset at which each frame ends in the file of frames.
	ends []int64
}

// Blocks returns the number of blocks.
func (x *Index) Blocks() int { return len(x.Leaves) }

// Frames returns the number of frames.
func (x *Index) Frames() int { return len(x.ends) }

// FramesSize returns the size in bytes of the file of frames.
func (x *Index) FramesSize() int64 { return x.ends[len(x.ends)-1] }

// Frame returns where frame i lies in the file of frames, in bytes.
func (x *Index) Frame(i int) (offset, length int64) {
	if i > 0 {
		offset = x.ends[i-1]
	}
	return offset, x.ends[i] - offset
}

// FrameOf returns the frame that holds a block.
func (x *Index) FrameOf(block int) int { return block / x.FrameBlocks }

// FrameRange returns the blocks [first, end) of frame i.
func (x *Index) FrameRange(i int) (first, end int) {
	return i * x.FrameBlocks, min((i+1)*x.FrameBlocks, x.Blocks())
}

// FrameBytes returns how many bytes frame i has once it is decompressed.
func (x *Index) FrameBytes(i int) int {
	first, end := x.FrameRange(i)
	return int(min(int64(end)*BlockSize, x.Size) - int64(first)*BlockSize)
}

// Hasher computes prefixes with a salt. It is not safe for concurrent use.
type Hasher struct {
	buf [sha256.Size + BlockSize]byte
}

// NewHasher returns a hasher.
func NewHasher(salt Salt) *Hasher {
	h := &Hasher{}
	copy(h.buf[:], salt[:])
	return h
}

// Prefix returns the prefix of a block; one that is shorter than BlockSize is
// taken as if zeros followed.
func (h *Hasher) Prefix(block []byte) Prefix {
	n := copy(h.buf[sha256.Size:], block)
	clear(h.buf[sha256.Size+n:])
	sum := sha256.Sum256(h.buf[:])
	return PrefixOf(sum[:])
}

// PrefixOf shortens a hash.
func PrefixOf(sum []byte) Prefix { return Prefix(binary.BigEndian.Uint64(sum)) }

// blocksIn returns how many blocks hold size bytes.
func blocksIn(size int64) int { return int((size + BlockSize - 1) / BlockSize) }

// framesIn returns how many frames hold n blocks.
func framesIn(n, frameBlocks int) int { return (n + frameBlocks - 1) / frameBlocks }

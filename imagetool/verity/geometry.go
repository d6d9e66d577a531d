package verity

import "crypto/sha256"

// digestsPerBlock is how many digests one hash block holds.
const digestsPerBlock = BlockSize / sha256.Size

// level is one level of the hash tree; Start and Blocks count hash blocks
// from the start of the hash device.
type level struct {
	Start, Blocks int64
}

// geometry returns the levels of the tree, the one over the data first, and
// the number of blocks of the whole hash device with the superblock. One data
// block needs no level: its digest is the root hash.
func geometry(dataBlocks int64) (levels []level, total int64) {
	for n := dataBlocks; n > 1; {
		n = (n + digestsPerBlock - 1) / digestsPerBlock
		levels = append(levels, level{Blocks: n})
	}
	total = 1 // the superblock's block
	for i := len(levels) - 1; i >= 0; i-- {
		levels[i].Start = total
		total += levels[i].Blocks
	}
	return levels, total
}

// HashSize returns the size in bytes of the hash device, superblock included,
// for dataSize bytes of data (rounded up to whole blocks).
func HashSize(dataSize int64) int64 {
	_, total := geometry((dataSize + BlockSize - 1) / BlockSize)
	return total * BlockSize
}

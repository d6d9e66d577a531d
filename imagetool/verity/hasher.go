package verity

import (
	"crypto/sha256"
	"hash"
)

// hasher computes SHA-256(salt || block). It is not safe for concurrent use.
type hasher struct {
	h    hash.Hash
	salt []byte
}

func newHasher(salt []byte) *hasher {
	return &hasher{h: sha256.New(), salt: salt}
}

// sum appends the digest of one block to dst.
func (h *hasher) sum(dst, block []byte) []byte {
	h.h.Reset()
	h.h.Write(h.salt)
	h.h.Write(block)
	return h.h.Sum(dst)
}

// sumBlocks appends the digests of all blocks in b to dst.
func (h *hasher) sumBlocks(dst, b []byte) []byte {
	for ; len(b) > 0; b = b[BlockSize:] {
		dst = h.sum(dst, b[:BlockSize])
	}
	return dst
}

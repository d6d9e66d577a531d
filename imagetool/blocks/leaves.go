package blocks

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/slipway-os/slipway/imagetool/verity"
)

// ErrSalt says that a hash tree has another salt than the index, so that
// nothing can be told from it.
var ErrSalt = errors.New("hash tree has another salt")

// digestsPerBlock is how many hashes a block of a hash tree holds.
const digestsPerBlock = BlockSize / len(Salt{})

// ReadLeaves returns the prefixes that the lowest level of a dm-verity hash
// device holds. Nothing proves that the data beside it has these hashes: they
// are a hint of where a block may be. limit bounds the number of blocks.
func ReadLeaves(hash io.ReaderAt, salt Salt, limit int64) ([]Prefix, error) {
	head := make([]byte, verity.SuperblockSize)
	if err := readFull(hash, head, 0); err != nil {
		return nil, fmt.Errorf("reading verity superblock: %w", err)
	}
	sb, err := verity.ParseSuperblock(head)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(sb.Salt, salt[:]) {
		return nil, ErrSalt
	}
	n := sb.DataBlocks
	if n < 2 || n > min(limit, MaxSize/BlockSize) {
		return nil, fmt.Errorf("hash tree is of %d blocks, want 2 to %d", n, min(limit, MaxSize/BlockSize))
	}
	// The lowest level is the last on the device.
	level := make([]byte, (n+int64(digestsPerBlock)-1)/int64(digestsPerBlock)*BlockSize)
	if err := readFull(hash, level, verity.HashSize(n*BlockSize)-int64(len(level))); err != nil {
		return nil, fmt.Errorf("reading the lowest level of the hash tree: %w", err)
	}
	leaves := make([]Prefix, n)
	for i := range leaves {
		leaves[i] = PrefixOf(level[i*len(salt):])
	}
	return leaves, nil
}

// chunk is how many blocks one goroutine reads at a time.
const chunk = 256

// HashLeaves computes the prefixes of the n blocks of data.
func HashLeaves(ctx context.Context, data io.ReaderAt, salt Salt, n int) ([]Prefix, error) {
	leaves := make([]Prefix, n)
	group, ctx := errgroup.WithContext(ctx)
	var next atomic.Int64
	for range min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk) {
		group.Go(func() error {
			h, buf := NewHasher(salt), make([]byte, chunk*BlockSize)
			for {
				first := int(next.Add(chunk)) - chunk
				if first >= n {
					return nil
				}
				if err := ctx.Err(); err != nil {
					return err
				}
				in := buf[:min(chunk, n-first)*BlockSize]
				if err := readFull(data, in, int64(first)*BlockSize); err != nil {
					return fmt.Errorf("reading blocks from %d on: %w", first, err)
				}
				for i := 0; i < len(in); i += BlockSize {
					leaves[first+i/BlockSize] = h.Prefix(in[i : i+BlockSize])
				}
			}
		})
	}
	return leaves, group.Wait()
}

package verity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// RootHash is the digest at the top of a hash tree.
type RootHash [sha256.Size]byte

// String returns the hash as 64 lower-case hexadecimal digits.
func (r RootHash) String() string { return hex.EncodeToString(r[:]) }

// ParseRootHash reads 64 hexadecimal digits.
func ParseRootHash(s string) (RootHash, error) {
	var r RootHash
	b, err := hex.DecodeString(s)
	if err != nil || len(b) != len(r) {
		return r, fmt.Errorf("root hash %q is not %d hexadecimal digits", s, 2*len(r))
	}
	copy(r[:], b)
	return r, nil
}

// HashDevice is where Format writes the tree. It is read back, because each
// level is made from the one below it.
type HashDevice interface {
	io.ReaderAt
	io.WriterAt
}

// chunkBlocks is how many blocks one goroutine hashes at a time: 2 MiB of
// data, whose digests are four whole hash blocks.
const chunkBlocks = 4 * digestsPerBlock

// Format writes superblock and hash tree of data into hash and returns the
// root hash. data must hold sb.DataBlocks whole blocks. Memory use does not
// depend on the size of the data; all processors hash.
func Format(data io.ReaderAt, hash HashDevice, sb Superblock) (RootHash, error) {
	root, err := Tree(data, hash, sb)
	if err != nil {
		return root, err
	}
	return root, WriteSuperblock(hash, sb)
}

// WriteSuperblock writes the superblock's block.
func WriteSuperblock(hash io.WriterAt, sb Superblock) error {
	head, err := sb.Marshal()
	if err != nil {
		return err
	}
	block := make([]byte, BlockSize)
	copy(block, head)
	if _, err := hash.WriteAt(block, 0); err != nil {
		return fmt.Errorf("writing verity superblock: %w", err)
	}
	return nil
}

// Tree is Format without the superblock, for a caller that derives the UUID
// from the root hash.
func Tree(data io.ReaderAt, hash HashDevice, sb Superblock) (RootHash, error) {
	var root RootHash
	if _, err := sb.Marshal(); err != nil {
		return root, err
	}
	levels, _ := geometry(sb.DataBlocks)
	source, blocks := data, sb.DataBlocks
	for i, l := range levels {
		err := hashLevel(source, blocks, sb.Salt, io.NewOffsetWriter(hash, l.Start*BlockSize))
		if err != nil {
			return root, fmt.Errorf("hashing level %d: %w", i, err)
		}
		source = io.NewSectionReader(hash, l.Start*BlockSize, l.Blocks*BlockSize)
		blocks = l.Blocks
	}
	top := make([]byte, BlockSize)
	if _, err := readFull(source, top, 0); err != nil {
		return root, fmt.Errorf("reading the top block: %w", err)
	}
	newHasher(sb.Salt).sum(root[:0], top)
	return root, nil
}

// hashLevel writes the digests of all blocks of source to out, zero-padded to
// whole hash blocks.
func hashLevel(source io.ReaderAt, blocks int64, salt []byte, out io.WriterAt) error {
	return forChunks(blocks, func() func(first, n int64) error {
		h, in, sums := newHasher(salt), make([]byte, chunkBlocks*BlockSize), make([]byte, 0, chunkBlocks*sha256.Size)
		return func(first, n int64) error {
			buf := in[:n*BlockSize]
			if _, err := readFull(source, buf, first*BlockSize); err != nil {
				return fmt.Errorf("reading blocks %d to %d: %w", first, first+n-1, err)
			}
			sums = h.sumBlocks(sums[:0], buf)
			padded := (len(sums) + BlockSize - 1) / BlockSize * BlockSize
			end := len(sums)
			sums = sums[:padded]
			clear(sums[end:])
			if _, err := out.WriteAt(sums, first*sha256.Size); err != nil {
				return fmt.Errorf("writing digests: %w", err)
			}
			return nil
		}
	})
}

// forChunks calls work for every chunk of [0, blocks) from as many goroutines
// as there are processors. newWorker is called once for each goroutine.
func forChunks(blocks int64, newWorker func() func(first, n int64) error) error {
	chunks := (blocks + chunkBlocks - 1) / chunkBlocks
	workers := min(int64(runtime.GOMAXPROCS(0)), chunks)
	group, ctx := errgroup.WithContext(context.Background())
	var next atomic.Int64
	for range workers {
		group.Go(func() error {
			work := newWorker()
			for ctx.Err() == nil {
				first := (next.Add(1) - 1) * chunkBlocks
				if first >= blocks {
					return nil
				}
				if err := work(first, min(chunkBlocks, blocks-first)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return group.Wait()
}

// readFull is ReadAt for a buffer that must be filled; a reader may return
// io.EOF with the last full read.
func readFull(r io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := r.ReadAt(b, off)
	if n == len(b) {
		return n, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

package verity

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"slices"
	"sync"
)

// Fault is one damaged place. Offset and Length are in bytes, on the data
// device or, where InHash is set, on the hash device.
type Fault struct {
	InHash  bool
	Offset  int64
	Length  int64
	Message string
}

// MaxFaults bounds the list that Check returns.
const MaxFaults = 64

// checker walks the tree from the root down. Every level is compared with
// trusted digests, so one bad block is blamed once, where it lies.
type checker struct {
	data, hash io.ReaderAt
	salt       []byte
	levels     []level
	faults     []Fault
	more       int
}

// Check compares data and hash tree with the root hash. The geometry comes
// from sb. It returns the faults found, sorted by place, at most MaxFaults;
// more is how many were left off. err is for reads that failed.
func Check(data, hash io.ReaderAt, sb Superblock, root RootHash) (faults []Fault, more int, err error) {
	if _, err := sb.Marshal(); err != nil {
		return nil, 0, err
	}
	c := &checker{data: data, hash: hash, salt: sb.Salt}
	c.levels, _ = geometry(sb.DataBlocks)
	trusted := memory(root[:])
	var below io.ReaderAt = trusted
	for i := len(c.levels) - 1; i >= 0; i-- {
		if below, err = c.checkHashLevel(i, below, sb.DataBlocks); err != nil {
			return nil, 0, fmt.Errorf("checking level %d of the hash tree: %w", i, err)
		}
	}
	if err := c.checkData(below, sb.DataBlocks); err != nil {
		return nil, 0, fmt.Errorf("checking data: %w", err)
	}
	slices.SortFunc(c.faults, func(a, b Fault) int {
		if a.InHash != b.InHash {
			if a.InHash {
				return 1
			}
			return -1
		}
		return int(a.Offset - b.Offset)
	})
	return c.faults, c.more, nil
}

func (c *checker) add(f Fault) {
	if len(c.faults) >= MaxFaults {
		c.more++
		return
	}
	c.faults = append(c.faults, f)
}

// checkHashLevel compares every block of level i with its trusted digest in
// above, and returns the digests that the next level down may trust: the
// level's own bytes, with repaired blocks laid over.
func (c *checker) checkHashLevel(i int, above io.ReaderAt, dataBlocks int64) (io.ReaderAt, error) {
	l := c.levels[i]
	source := io.NewSectionReader(c.hash, l.Start*BlockSize, l.Blocks*BlockSize)
	bad, err := c.mismatches(source, l.Blocks, above)
	if err != nil || len(bad) == 0 {
		return source, err
	}
	children, total := c.data, dataBlocks
	if i > 0 {
		below := c.levels[i-1]
		children, total = io.NewSectionReader(c.hash, below.Start*BlockSize, below.Blocks*BlockSize), below.Blocks
	}
	fixed := &overlay{base: source, blocks: map[int64][]byte{}}
	for _, b := range bad {
		if err := c.blameHashBlock(l, b, source, children, total, above, fixed); err != nil {
			return nil, err
		}
	}
	return fixed, nil
}

// blameHashBlock makes hash block b again from its children. Where that gives
// the trusted digest, the damage is in the hash block and is located to the
// byte. Else there is damage on two levels: the block's children are not
// compared with it, and are taken as they are for the levels below.
func (c *checker) blameHashBlock(l level, b int64, source, children io.ReaderAt, total int64, above io.ReaderAt, fixed *overlay) error {
	first := b * digestsPerBlock
	n := min(digestsPerBlock, total-first)
	in := make([]byte, n*BlockSize)
	if _, err := readFull(children, in, first*BlockSize); err != nil {
		return err
	}
	h := newHasher(c.salt)
	made := make([]byte, BlockSize)
	copy(made, h.sumBlocks(nil, in))
	want := make([]byte, sha256.Size)
	if _, err := readFull(above, want, b*sha256.Size); err != nil {
		return err
	}
	place := (l.Start + b) * BlockSize
	if !bytes.Equal(h.sum(nil, made), want) {
		c.add(Fault{InHash: true, Offset: place, Length: BlockSize,
			Message: fmt.Sprintf("hash block does not have the digest that the level above it holds, and cannot be made again from the %d blocks that it covers: more than one of them is damaged, and what is said of blocks below them is a guess", n)})
		fixed.blocks[b] = nil
		return nil
	}
	is := make([]byte, BlockSize)
	if _, err := readFull(source, is, b*BlockSize); err != nil {
		return err
	}
	from, to := diffRange(is, made)
	c.add(Fault{InHash: true, Offset: place + int64(from), Length: int64(to - from),
		Message: fmt.Sprintf("hash block is damaged: byte is %#02x, want %#02x", is[from], made[from])})
	fixed.blocks[b] = made
	return nil
}

// diffRange returns the smallest range that holds all differences of a and b,
// which must differ and be of one length.
func diffRange(a, b []byte) (from, to int) {
	for a[from] == b[from] {
		from++
	}
	to = len(a)
	for a[to-1] == b[to-1] {
		to--
	}
	return from, to
}

func (c *checker) checkData(above io.ReaderAt, blocks int64) error {
	bad, err := c.mismatches(c.data, blocks, above)
	if err != nil {
		return err
	}
	for _, b := range bad {
		c.add(Fault{Offset: b * BlockSize, Length: BlockSize, Message: "data block does not have the digest that the hash tree holds"})
	}
	return nil
}

// mismatches returns the blocks of source whose digest is not the one in
// above, in order. Blanked digests (see overlay) match anything.
func (c *checker) mismatches(source io.ReaderAt, blocks int64, above io.ReaderAt) ([]int64, error) {
	var mu sync.Mutex
	var bad []int64
	err := forChunks(blocks, func() func(first, n int64) error {
		h, in := newHasher(c.salt), make([]byte, chunkBlocks*BlockSize)
		want, sum := make([]byte, chunkBlocks*sha256.Size), make([]byte, 0, sha256.Size)
		return func(first, n int64) error {
			if _, err := readFull(source, in[:n*BlockSize], first*BlockSize); err != nil {
				return fmt.Errorf("reading blocks %d to %d: %w", first, first+n-1, err)
			}
			if _, err := readFull(above, want[:n*sha256.Size], first*sha256.Size); err != nil {
				return fmt.Errorf("reading digests of blocks %d to %d: %w", first, first+n-1, err)
			}
			for i := range n {
				sum = h.sum(sum[:0], in[i*BlockSize:(i+1)*BlockSize])
				w := want[i*sha256.Size : (i+1)*sha256.Size]
				if bytes.Equal(sum, w) || skipped(above, first+i) {
					continue
				}
				mu.Lock()
				bad = append(bad, first+i)
				mu.Unlock()
			}
			return nil
		}
	})
	slices.Sort(bad)
	return bad, err
}

// skipped says whether the digest of block b was blanked because the hash
// block that holds it could not be trusted.
func skipped(above io.ReaderAt, b int64) bool {
	o, ok := above.(*overlay)
	if !ok {
		return false
	}
	made, found := o.blocks[b/digestsPerBlock]
	return found && made == nil
}

package fetch

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/blocks/plan"
	"github.com/slipway-os/slipway/imagetool/verity"
)

// maxFile bounds a file that File holds in memory (256 MiB).
const maxFile = 256 << 20

// ErrFile says that a file came whole, but is not the one of its index.
var ErrFile = errors.New("file has another SHA-256")

// File fetches a file into memory, such as a unified kernel image: its blocks
// are looked for in the old files. Target and Locals of the job are set here.
// The root of the index must be the file's SHA-256.
func File(ctx context.Context, j Job, old ...[]byte) ([]byte, Report, error) {
	if j.Index.Size > maxFile {
		return nil, Report{}, fmt.Errorf("fetching file: it has %d bytes, at most %d are held in memory", j.Index.Size, maxFile)
	}
	j.Locals = nil
	for i, data := range old {
		l, err := fromBytes(ctx, fmt.Sprintf("file %d", i+1), data, j.Index.Salt)
		if err != nil {
			return nil, Report{}, err
		}
		j.Locals = append(j.Locals, l)
	}
	m := make(memory, j.Index.Size)
	j.Target = m
	r, err := Run(ctx, j)
	if err == nil && verity.RootHash(sha256.Sum256(m)) != j.Index.Root {
		err = fmt.Errorf("fetching file: %w than %s", ErrFile, j.Index.Root)
	}
	return m, r, err
}

// fromBytes makes a source of blocks of a file; zeros follow its end.
func fromBytes(ctx context.Context, name string, data []byte, salt blocks.Salt) (Local, error) {
	n := (len(data) + blocks.BlockSize - 1) / blocks.BlockSize
	padded := bytes.NewReader(append(bytes.Clone(data), make([]byte, n*blocks.BlockSize-len(data))...))
	leaves, err := blocks.HashLeaves(ctx, padded, salt, n)
	return Local{Local: plan.Local{Name: name, Leaves: leaves}, Data: padded}, err
}

// memory is a Target in memory.
type memory []byte

// ReadAt implements io.ReaderAt.
func (m memory) ReadAt(p []byte, off int64) (int, error) { return bytes.NewReader(m).ReadAt(p, off) }

// WriteAt implements io.WriterAt.
func (m memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > int64(len(m)) || len(p) > len(m[off:]) {
		return 0, fmt.Errorf("writing %d bytes at %d of a file of %d", len(p), off, len(m))
	}
	return copy(m[off:], p), nil
}

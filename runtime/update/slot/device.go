// Package slot writes an image into the slot that is not running, so that a
// power cut at any moment leaves the running slot, its entries in the partition
// table and the ESP as they were, and a table that is whole. Until everything
// has been read back from the disk, past the page cache, and has given the root
// hash, the slot's partitions are called "_empty".
//
// Nothing outside of the slot's two partitions and the two copies of the
// partition table is ever written.
package slot

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-os/slipway/imagetool/gpt"
)

// Device is the whole disk. Open opens a real one, slottest has one in memory.
type Device interface {
	io.ReaderAt
	io.WriterAt
	// Sync returns when all that was written would survive a power cut.
	Sync() error
	// Size is the size of the disk in bytes.
	Size() int64
	// Direct returns a reader of what is on the disk itself, past the page
	// cache, and says how it does that. It is called after Sync, and sees what
	// was written until then.
	Direct() (Reader, error)
}

// Reader reads past the page cache.
type Reader interface {
	io.ReaderAt
	io.Closer
	// Method says how, such as "O_DIRECT".
	Method() string
}

// Section is a partition. It can neither be read nor written beyond its ends.
type Section struct {
	dev   Device
	label string
	at    int64
	size  int64
}

func section(d Device, p gpt.Partition, label string) *Section {
	return &Section{dev: d, label: label, at: p.Start(), size: p.Size()}
}

// Size is the size of the partition in bytes.
func (s *Section) Size() int64 { return s.size }

// ReadAt implements io.ReaderAt.
func (s *Section) ReadAt(p []byte, off int64) (int, error) {
	n, err := io.NewSectionReader(s.dev, s.at, s.size).ReadAt(p, off)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("reading %s at byte %d: %w", s.label, off, err)
	}
	return n, err
}

// WriteAt implements io.WriterAt.
func (s *Section) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off > s.size || int64(len(p)) > s.size-off {
		return 0, fmt.Errorf("writing %d bytes at byte %d of %s: it has %d", len(p), off, s.label, s.size)
	}
	n, err := s.dev.WriteAt(p, s.at+off)
	if err != nil {
		err = fmt.Errorf("writing %d bytes at byte %d of %s: %w", len(p), off, s.label, err)
	}
	return n, err
}

// memory is a hash device in memory.
type memory []byte

// ReadAt implements io.ReaderAt.
func (m memory) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 || off >= int64(len(m)) {
		return 0, io.EOF
	}
	n := copy(p, m[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// WriteAt implements io.WriterAt.
func (m memory) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 || off+int64(len(p)) > int64(len(m)) {
		return 0, errors.New("writing beyond the hash tree")
	}
	return copy(m[off:], p), nil
}

// cancelled fails once its context is done.
type cancelled struct {
	ctx context.Context
	io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (c cancelled) ReadAt(p []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.ReaderAt.ReadAt(p, off)
}

// Package slottest is a disk in memory with a page cache: what is written is
// not on the disk before Sync, and writes can fail, get lost or be cut off by a
// power failure at any moment.
package slottest

import (
	"bytes"
	"fmt"
	"io"
	"sync"

	"github.com/slipway-os/slipway/runtime/update/slot"
)

// SectorSize is what the disk writes whole, unless it tears.
const SectorSize = 512

// Op is a write, or a sync where Data is nil.
type Op struct {
	Off  int64
	Data []byte
}

// Disk is a slot.Device.
type Disk struct {
	mu       sync.Mutex
	start    []byte // what the disk held at first
	cache    []byte // what reads see
	disk     []byte // what a power cut leaves, and Direct sees
	log      []Op
	synced   int // how much of the log is on the disk
	failAt   int // the operation that fails, counted as in the log
	failWith error
	lose     func(Op) bool
}

// New returns a disk that holds image.
func New(image []byte) *Disk {
	return &Disk{start: image, cache: bytes.Clone(image), disk: bytes.Clone(image), failAt: -1}
}

// Fail makes write or sync number n, from 0, fail with err; a write that fails
// writes nothing.
func (d *Disk) Fail(n int, err error) { d.failAt, d.failWith = n, err }

// Lose makes the disk forget those writes for which lost says so, though it
// says that they are synced.
func (d *Disk) Lose(lost func(Op) bool) { d.lose = lost }

// Log returns what was written and synced.
func (d *Disk) Log() []Op {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]Op(nil), d.log...)
}

// Size implements slot.Device.
func (d *Disk) Size() int64 { return int64(len(d.start)) }

// ReadAt implements io.ReaderAt.
func (d *Disk) ReadAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bytes.NewReader(d.cache).ReadAt(p, off)
}

// WriteAt implements io.WriterAt. Like a block device it takes whole sectors.
func (d *Disk) WriteAt(p []byte, off int64) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if off < 0 || off%SectorSize != 0 || len(p)%SectorSize != 0 || off+int64(len(p)) > int64(len(d.cache)) {
		return 0, fmt.Errorf("%d bytes at %d are no sectors of the disk", len(p), off)
	}
	if err := d.note(Op{off, bytes.Clone(p)}); err != nil {
		return 0, err
	}
	return copy(d.cache[off:], p), nil
}

// Sync implements slot.Device.
func (d *Disk) Sync() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if err := d.note(Op{}); err != nil {
		return err
	}
	for _, op := range d.log[d.synced:] {
		if d.lose == nil || !d.lose(op) {
			copy(d.disk[op.Off:], op.Data)
		}
	}
	d.synced = len(d.log)
	return nil
}

func (d *Disk) note(op Op) error {
	if len(d.log) == d.failAt {
		d.failAt = -1
		return d.failWith
	}
	d.log = append(d.log, op)
	return nil
}

// Direct implements slot.Device.
func (d *Disk) Direct() (slot.Reader, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return reader{bytes.NewReader(bytes.Clone(d.disk))}, nil
}

// reader reads the disk past the cache.
type reader struct{ io.ReaderAt }

// Method implements slot.Reader.
func (reader) Method() string { return "memory" }

// Close implements io.Closer.
func (reader) Close() error { return nil }

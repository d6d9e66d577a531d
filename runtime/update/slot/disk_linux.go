package slot

import (
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/imagetool/gpt"
)

// Linux is a disk of the running kernel, or a file with the image of one.
type Linux struct {
	*os.File
	size  int64
	block bool
}

// Open opens the disk at path for reading and writing.
func Open(path string) (*Linux, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the disk: %w", err)
	}
	d := &Linux{File: f}
	if err := d.measure(); err != nil {
		f.Close()
		return nil, fmt.Errorf("opening the disk %s: %w", path, err)
	}
	return d, nil
}

// measure finds out the size, and refuses disks with other sectors than those
// of the partition table's format.
func (d *Linux) measure() error {
	info, err := d.Stat()
	if err != nil {
		return err
	}
	if d.block = info.Mode().Type() == os.ModeDevice; !d.block {
		d.size = info.Size()
		return nil
	}
	sector, err := unix.IoctlGetInt(int(d.Fd()), unix.BLKSSZGET)
	if err != nil {
		return fmt.Errorf("asking for the size of its sectors: %w", err)
	}
	if sector != gpt.SectorSize {
		return fmt.Errorf("its sectors have %d bytes, want %d", sector, gpt.SectorSize)
	}
	var size uint64
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, d.Fd(), unix.BLKGETSIZE64, uintptr(unsafe.Pointer(&size))); errno != 0 {
		return fmt.Errorf("asking for its size: %w", errno)
	}
	d.size = int64(size)
	return nil
}

// Size implements Device.
func (d *Linux) Size() int64 { return d.size }

// Direct implements Device. The disk is opened again with O_DIRECT; where that
// is not to be had (some file systems, for images in files), the page cache is
// made to forget it: by BLKFLSBUF for a block device, by posix_fadvise for a
// file.
func (d *Linux) Direct() (Reader, error) {
	path := fmt.Sprintf("/proc/self/fd/%d", d.Fd())
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_DIRECT, 0)
	if err == nil {
		r := &direct{f}
		if _, err = r.ReadAt(make([]byte, align), 0); err == nil || err == io.EOF {
			return r, nil
		}
		f.Close()
	}
	if !errors.Is(err, unix.EINVAL) {
		return nil, fmt.Errorf("opening the disk past the page cache: %w", err)
	}
	if f, err = os.Open(path); err != nil {
		return nil, fmt.Errorf("opening the disk again: %w", err)
	}
	r := &forgotten{f, "posix_fadvise"}
	if err = r.forget(d.block); err != nil {
		f.Close()
		return nil, fmt.Errorf("making the page cache forget the disk: %w", err)
	}
	return r, nil
}

// forgotten reads a disk that was dropped from the page cache.
type forgotten struct {
	*os.File
	method string
}

// Method implements Reader.
func (r *forgotten) Method() string { return r.method }

func (r *forgotten) forget(block bool) error {
	if block {
		r.method = "BLKFLSBUF"
		return unix.IoctlSetInt(int(r.Fd()), unix.BLKFLSBUF, 0)
	}
	return unix.Fadvise(int(r.Fd()), 0, 0, unix.FADV_DONTNEED)
}

// align is what O_DIRECT asks of offsets, lengths and addresses, at most.
const align = 4096

// direct reads by O_DIRECT through aligned buffers.
type direct struct{ *os.File }

// Method implements Reader.
func (r *direct) Method() string { return "O_DIRECT" }

// bounceSize is how much is read at a time.
const bounceSize = 1 << 20

var bounces = sync.Pool{New: func() any {
	b := make([]byte, bounceSize+align)
	skip := -int(uintptr(unsafe.Pointer(&b[0]))) & (align - 1)
	b = b[skip : skip+bounceSize]
	return &b
}}

// ReadAt implements io.ReaderAt.
func (r *direct) ReadAt(p []byte, off int64) (int, error) {
	bounce := bounces.Get().(*[]byte)
	defer bounces.Put(bounce)
	done := 0
	for done < len(p) {
		at := off + int64(done)
		skip := int(at % align)
		want := min(bounceSize, (skip+len(p)-done+align-1)/align*align)
		n, err := r.File.ReadAt((*bounce)[:want], at-int64(skip))
		if n <= skip {
			return done, err
		}
		done += copy(p[done:], (*bounce)[skip:n])
		if err != nil && done < len(p) {
			return done, err
		}
	}
	return done, nil
}

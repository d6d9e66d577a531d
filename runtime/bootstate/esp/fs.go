// Package esp changes the boot entries in the EFI system partition: the
// unified kernel images in EFI/Linux, by whose names the loader counts boots.
//
// FAT has no journal. A rename writes the new name, what it stands for, and
// the removal of the old name, perhaps in several sectors; a power cut may
// leave both names, one of them with nothing behind it, or none. So each
// change touches one entry alone, which is never the one that the host would
// fall back to, and is durable before the next begins.
package esp

import (
	"io"
	"os"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/store"
)

// FS is what is asked of the file system. As in package store, nothing written
// is durable before the Sync of its file, no name before SyncDir.
type FS interface {
	ReadDir(path string) ([]string, error)
	// Open opens a file for reading, past the page cache.
	Open(path string) (Image, error)
	Create(path string) (store.File, error)
	Rename(old, new string) error
	Remove(path string) error
	// SyncDir makes all names in a folder durable, and what they stand for.
	SyncDir(path string) error
	// Free is the room that is left, in bytes.
	Free(path string) (int64, error)
}

// An Image is a file to be read.
type Image interface {
	io.ReaderAt
	io.Closer
	Size() int64
}

// OS is the host's file system.
var OS FS = host{}

type host struct{}

func (host) ReadDir(path string) ([]string, error) { return store.OS.ReadDir(path) }

func (host) Open(path string) (Image, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil {
		// Clean pages are dropped, so that the disk answers, not the memory.
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return image{f, info.Size()}, nil
}

type image struct {
	*os.File
	size int64
}

func (i image) Size() int64 { return i.size }

func (host) Create(path string) (store.File, error) { return store.OS.Create(path) }
func (host) Rename(old, new string) error           { return os.Rename(old, new) }
func (host) Remove(path string) error               { return os.Remove(path) }

// SyncDir syncs the whole file system: where a renamed file's content begins
// is written with the file, not with the folder.
func (host) SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return err
	}
	return unix.Syncfs(int(dir.Fd()))
}

func (host) Free(path string) (int64, error) {
	var s unix.Statfs_t
	if err := unix.Statfs(path, &s); err != nil {
		return 0, err
	}
	return int64(s.Bavail) * s.Bsize, nil
}

package store

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// FS is what is asked of a file system. Nothing written is durable before the
// Sync of its file, and no name before the SyncDir of its folder. Errors are
// those of package os: fs.ErrNotExist and the like can be told apart.
type FS interface {
	// Lock takes path's exclusive lock until it is closed, or ErrLocked.
	Lock(path string) (io.Closer, error)
	// Mkdir makes a folder for its owner alone; one that is there is well.
	Mkdir(path string) error
	// ReadDir is the names in a folder, sorted.
	ReadDir(path string) ([]string, error)
	// ReadFile reads a file whole, or is ErrTooLarge beyond limit bytes.
	ReadFile(path string, limit int64) ([]byte, error)
	// Create makes a file for its owner alone, or empties the one there is.
	Create(path string) (File, error)
	// Append opens a file, new or not, to write at its end, first cutting it
	// off after keep bytes.
	Append(path string, keep int64) (File, error)
	// Link gives a file a second name, which must be free.
	Link(old, new string) error
	// Rename replaces new, if it is there, by old at one stroke.
	Rename(old, new string) error
	Remove(path string) error
	SyncDir(path string) error
}

// A File is open for writing.
type File interface {
	io.WriteCloser
	Sync() error
}

// OS is the host's file system.
var OS FS = host{}

type host struct{}

func (host) Lock(path string) (io.Closer, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == nil {
		return f, nil
	}
	f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fmt.Errorf("locking %s: %w", path, ErrLocked)
	}
	return nil, fmt.Errorf("locking %s: %w", path, err)
}

func (host) Mkdir(path string) error {
	err := os.Mkdir(path, 0o700)
	if info, statErr := os.Stat(path); statErr == nil && info.IsDir() {
		return nil
	}
	return err
}

func (host) ReadDir(path string) ([]string, error) {
	entries, err := os.ReadDir(path)
	names := make([]string, len(entries))
	for i, e := range entries {
		names[i] = e.Name()
	}
	return names, err
}

func (host) ReadFile(path string, limit int64) ([]byte, error) {
	// Without O_NONBLOCK a named pipe would hold us up for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("reading %s: it is not a file", path)
	}
	b, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(b)) > limit {
		err = fmt.Errorf("reading %s: %w: more than %d bytes", path, ErrTooLarge, limit)
	}
	if err != nil {
		return nil, err
	}
	return b, nil
}

func (host) Create(path string) (File, error) {
	return os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
}

func (host) Append(path string, keep int64) (File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return nil, err
	}
	if err := f.Truncate(keep); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func (host) Link(old, new string) error   { return os.Link(old, new) }
func (host) Rename(old, new string) error { return os.Rename(old, new) }
func (host) Remove(path string) error     { return os.Remove(path) }

func (host) SyncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

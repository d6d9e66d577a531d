// Package disk changes files so that a crash at any point leaves each of them
// old or new, never half: content goes beside its place, is synced, and is
// renamed. Every change of a repository goes through it, step by step, so that
// tests can stop a program at each one.
package disk

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Suffix ends the names of files that are being written. They are of no use
// after a crash.
const Suffix = ".writing"

// Disk makes changes. The zero value is ready to use.
type Disk struct {
	// Step is called before each step that changes the file system: "mkdir",
	// "create", "write" (with half of the content written), "sync", "rename",
	// "syncdir", "remove", "exchange". Its error fails the step. Nil does
	// nothing.
	Step func(step, path string) error
	// Unsynced leaves out the waiting for the disk: enough for tests that
	// kill a program, not for those that cut the power.
	Unsynced bool
}

func (d *Disk) step(step, path string) error {
	if d.Step == nil {
		return nil
	}
	return d.Step(step, path)
}

// MkdirAll makes a folder and those above it, and syncs each of them.
func (d *Disk) MkdirAll(dir string) error {
	if info, err := os.Stat(dir); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(dir)
	if parent != dir {
		if err := d.MkdirAll(parent); err != nil {
			return err
		}
	}
	if err := d.step("mkdir", dir); err != nil {
		return err
	}
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return d.SyncDir(parent)
}

// Write puts a small file in its place.
func (d *Disk) Write(path string, data []byte, mode fs.FileMode) error {
	_, err := d.Copy(path, strings.NewReader(string(data)), int64(len(data)), mode)
	return err
}

// Copy puts a file of size bytes in its place, from r, and returns the SHA-256
// of the content in hexadecimal digits. It fails where r has fewer bytes or
// more, and removes what it wrote.
func (d *Disk) Copy(path string, r io.Reader, size int64, mode fs.FileMode) (string, error) {
	if err := d.MkdirAll(filepath.Dir(path)); err != nil {
		return "", err
	}
	beside := path + Suffix
	sum, err := d.fill(beside, r, size, mode)
	if err == nil {
		err = d.Rename(beside, path)
	}
	if err != nil {
		return "", errors.Join(fmt.Errorf("writing %s: %w", path, err), os.RemoveAll(beside))
	}
	return sum, nil
}

func (d *Disk) fill(path string, r io.Reader, size int64, mode fs.FileMode) (string, error) {
	if err := d.step("create", path); err != nil {
		return "", err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, mode)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if err := d.content(f, h, r, size); err != nil {
		return "", err
	}
	if err := f.Chmod(mode); err != nil {
		return "", err
	}
	if err := d.step("sync", path); err != nil {
		return "", err
	}
	if err := d.sync(f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), f.Close()
}

func (d *Disk) content(f *os.File, h hash.Hash, r io.Reader, size int64) error {
	w := io.MultiWriter(f, h)
	if _, err := io.CopyN(w, r, size/2); err != nil {
		return short(err, size)
	}
	if err := d.step("write", f.Name()); err != nil {
		return err
	}
	if _, err := io.CopyN(w, r, size-size/2); err != nil {
		return short(err, size)
	}
	if n, err := io.CopyN(io.Discard, r, 1); n != 0 || !errors.Is(err, io.EOF) {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		return fmt.Errorf("there are more than the %d bytes expected", size)
	}
	return nil
}

func short(err error, size int64) error {
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("there are fewer than the %d bytes expected", size)
	}
	return err
}

// Rename puts a file or folder in another's place in one step, and syncs the
// folder.
func (d *Disk) Rename(from, to string) error {
	if err := d.step("rename", to); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(to))
}

// Replace puts the folder from in the place of the folder to, in one step
// where the file system can exchange names (ext4, XFS, Btrfs, tmpfs), else in
// two with a moment between them in which there is none. What was there before
// is removed.
func (d *Disk) Replace(from, to string) error {
	if _, err := os.Lstat(to); errors.Is(err, fs.ErrNotExist) {
		return d.Rename(from, to)
	}
	if err := d.step("exchange", to); err != nil {
		return err
	}
	err := unix.Renameat2(unix.AT_FDCWD, from, unix.AT_FDCWD, to, unix.RENAME_EXCHANGE)
	if errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSYS) {
		err = d.replaceInTwo(from, to)
	}
	if err != nil {
		return fmt.Errorf("putting %s in the place of %s: %w", from, to, err)
	}
	if err := d.SyncDir(filepath.Dir(to)); err != nil {
		return err
	}
	return d.RemoveAll(from)
}

func (d *Disk) replaceInTwo(from, to string) error {
	old := to + ".old" + Suffix
	if err := os.Rename(to, old); err != nil {
		return err
	}
	if err := os.Rename(from, to); err != nil {
		return errors.Join(err, os.Rename(old, to))
	}
	return os.Rename(old, from)
}

// SyncDir makes a folder's names durable.
func (d *Disk) SyncDir(dir string) error {
	if err := d.step("syncdir", dir); err != nil {
		return err
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := d.sync(f); err != nil {
		return fmt.Errorf("syncing %s: %w", dir, err)
	}
	return nil
}

func (d *Disk) sync(f *os.File) error {
	if d.Unsynced {
		return nil
	}
	return f.Sync()
}

// RemoveAll removes a file or folder and what is in it, if it is there.
func (d *Disk) RemoveAll(path string) error {
	if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err := d.step("remove", path); err != nil {
		return err
	}
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	return d.SyncDir(filepath.Dir(path))
}

// Lock takes the file path for this process alone until the returned function
// is called or the process ends. Another's lock is an error.
func Lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("%s: another tufrepo is at work here", path)
		}
		return nil, fmt.Errorf("locking %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

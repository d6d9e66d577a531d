package esp

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

// beside ends the names of entries that are not to be booted yet: the loader
// looks at names in ".efi" alone.
const beside = ".new"

// headroom is what a new entry leaves free for names and the loader's seed.
const headroom = 1 << 20

// ErrNoRoom says that the partition is too full for another entry.
var ErrNoRoom = errors.New("the EFI system partition has no room for another boot entry")

// A Folder is EFI/Linux of the EFI system partition.
type Folder struct {
	FS  FS
	Dir string
}

// An Entry is a file in the folder.
type Entry struct {
	sdboot.Entry
	File string
	// Beside says that the loader does not see it: it was put there, and waits.
	Beside bool
	// RootHash is that of the root file system that the image boots, hex.
	RootHash string
	// Release is the version that its os-release file gives, VERSION_ID.
	Release string
	Size    int64 // bytes, -1 where it cannot be opened
	// Err is why the image cannot be read, and so cannot be booted.
	Err error
}

// Proven says whether the entry is one that was good once: it has no counter,
// or one that says that it was set aside.
func (e Entry) Proven() bool { return !e.Counted || e.Aside() }

// Empty says whether there is a name and nothing behind it, as a torn rename
// leaves it. To remove it harms nothing.
func (e Entry) Empty() bool { return e.Err != nil && e.Size == 0 }

// Aside says whether the entry was set aside: the loader starts it only where
// there is no other.
func (e Entry) Aside() bool { return e.Counted && e.Left == 0 && e.Done == 0 }

// List reads all entries, in the loader's order, those beside at the end.
func (f Folder) List() ([]Entry, error) {
	files, err := f.FS.ReadDir(f.Dir)
	if err != nil {
		return nil, fmt.Errorf("listing the boot entries: %w", err)
	}
	var list, waiting []Entry
	for _, file := range files {
		name, ok := sdboot.Parse(file)
		e := Entry{File: file, Entry: sdboot.Entry{Name: name}}
		if !ok {
			if e.ID, e.Beside = cutBeside(file); !e.Beside {
				continue
			}
		}
		f.read(&e)
		if e.Beside {
			waiting = append(waiting, e)
		} else {
			list = append(list, e)
		}
	}
	slices.SortStableFunc(list, func(a, b Entry) int { return sdboot.Compare(a.Entry, b.Entry) })
	return append(list, waiting...), nil
}

func cutBeside(file string) (string, bool) {
	if len(file) <= len(beside) || file[len(file)-len(beside):] != beside {
		return "", false
	}
	return file[:len(file)-len(beside)], true
}

// Put writes an image beside the entries, and reads it back.
func (f Folder) Put(id string, data []byte) error {
	free, err := f.FS.Free(f.Dir)
	if err != nil {
		return fmt.Errorf("measuring the EFI system partition: %w", err)
	}
	if need := int64(len(data)) + headroom; free < need {
		return fmt.Errorf("%w: %d bytes are free, %d are needed", ErrNoRoom, free, need)
	}
	path := filepath.Join(f.Dir, id+beside)
	if err := f.write(path, data); err != nil {
		err = errors.Join(fmt.Errorf("writing %s: %w", path, err), f.FS.Remove(path))
		return err
	}
	return nil
}

func (f Folder) write(path string, data []byte) error {
	out, err := f.FS.Create(path)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := f.FS.SyncDir(f.Dir); err != nil {
		return err
	}
	return f.compare(path, data)
}

// compare reads a file back from the disk.
func (f Folder) compare(path string, data []byte) error {
	in, err := f.FS.Open(path)
	if err != nil {
		return err
	}
	defer in.Close()
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(in, 0, in.Size())); err != nil {
		return err
	}
	if want := sha256.Sum256(data); !bytes.Equal(h.Sum(nil), want[:]) {
		return errors.New("what was read back is not what was written")
	}
	return nil
}

// Rename gives an entry another name, durably. An entry with that name must
// not be there: it would be lost.
func (f Folder) Rename(old, new string) error {
	files, err := f.FS.ReadDir(f.Dir)
	if err == nil && slices.Contains(files, new) {
		err = errors.New("that name is taken")
	}
	if err == nil {
		err = f.FS.Rename(filepath.Join(f.Dir, old), filepath.Join(f.Dir, new))
	}
	if err == nil {
		err = f.FS.SyncDir(f.Dir)
	}
	if err != nil {
		return fmt.Errorf("renaming boot entry %s to %s: %w", old, new, err)
	}
	return nil
}

// Remove removes entries, durably. Names that a torn rename left for one image
// have to be removed together.
func (f Folder) Remove(files ...string) error {
	var errs []error
	for _, file := range files {
		if err := f.FS.Remove(filepath.Join(f.Dir, file)); err != nil {
			errs = append(errs, fmt.Errorf("removing boot entry %s: %w", file, err))
		}
	}
	if len(files) > 0 {
		if err := f.FS.SyncDir(f.Dir); err != nil {
			errs = append(errs, fmt.Errorf("removing boot entries: %w", err))
		}
	}
	return errors.Join(errs...)
}

// BesideName is the name under which Put leaves the image of an entry.
func BesideName(id string) string { return id + beside }

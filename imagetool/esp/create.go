// Package esp makes the EFI system partition (FAT32) through go-diskfs, and
// reads and checks it with a parser of its own that trusts nothing it reads.
//
// Reference: Microsoft "FAT: General Overview of On-Disk Format" 1.03.
package esp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem/fat32"
)

// Source is a file to put on the partition. Path has slashes and no leading
// one.
type Source struct {
	Path    string
	Content []byte
}

// Options say how the partition is made. Equal options give equal bytes.
type Options struct {
	Start, Size int64 // place in the disk, in bytes
	VolumeID    uint32
	Time        time.Time // of every file; before 1980 counts as 1980
}

// Label is the volume label.
const Label = "ESP"

// Create makes a FAT32 file system with the files in f, whose bytes in the
// given place must be zero (a new sparse file).
func Create(f *os.File, o Options, files []Source) error {
	fs, err := fat32.Create(file.New(f, false), o.Size, o.Start, 512, Label, true)
	if err != nil {
		return fmt.Errorf("making FAT32: %w", err)
	}
	for _, s := range files {
		if len(s.Content) == 0 {
			return fmt.Errorf("file %q is empty; go-diskfs would give it a cluster, which FAT forbids", s.Path)
		}
		if err := fs.Mkdir(path.Dir(s.Path)); err != nil {
			return fmt.Errorf("making folder of %q: %w", s.Path, err)
		}
		out, err := fs.OpenFile(s.Path, os.O_CREATE|os.O_RDWR|os.O_EXCL)
		if err != nil {
			return fmt.Errorf("creating %q: %w", s.Path, err)
		}
		_, err = out.Write(s.Content)
		if err = errors.Join(err, out.Close()); err != nil {
			return fmt.Errorf("writing %q: %w", s.Path, err)
		}
	}
	if err := finish(f, o); err != nil {
		return fmt.Errorf("finishing FAT32: %w", err)
	}
	return nil
}

// finish sets what go-diskfs cannot: the volume id (it writes 0 or the time of
// day), the times of all directory entries (it takes them from the clock or a
// process-wide environment variable), and the count of free clusters (it
// writes "unknown"). It also sets what go-diskfs gets wrong: a ".." entry that
// leads to the root folder must hold cluster 0, not 2; fsck.vfat calls the
// latter damage.
func finish(f *os.File, o Options) error {
	v, err := Open(io.NewSectionReader(f, o.Start, o.Size), o.Size)
	if err != nil {
		return err
	}
	tree, err := v.walk()
	if err != nil {
		return err
	}
	put := func(off int64, b []byte) {
		if err == nil {
			_, err = f.WriteAt(b, o.Start+off)
		}
	}
	date, clock := dosDateTime(o.Time)
	le := binary.LittleEndian
	created := le.AppendUint16(le.AppendUint16(le.AppendUint16([]byte{0}, clock), date), date)
	written := le.AppendUint16(le.AppendUint16(nil, clock), date)
	for _, copyAt := range []int64{0, v.backupBoot} {
		put(copyAt+offVolumeID, le.AppendUint32(nil, o.VolumeID))
		info := le.AppendUint32(nil, v.free())
		put(copyAt+v.sector+offFreeCount, le.AppendUint32(info, v.lastUsed()))
	}
	for _, at := range tree.entries {
		put(at+13, created)
		put(at+22, written)
	}
	for _, d := range tree.dots {
		put(d.at+20, le.AppendUint16(nil, uint16(d.want>>16)))
		put(d.at+26, le.AppendUint16(nil, uint16(d.want)))
	}
	return err
}

// dosDateTime returns date and time as a directory entry holds them; times
// have a resolution of two seconds.
func dosDateTime(t time.Time) (date, clock uint16) {
	t = t.UTC()
	if t.Year() < 1980 {
		t = time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	date = uint16(t.Year()-1980)<<9 | uint16(t.Month())<<5 | uint16(t.Day())
	return date, uint16(t.Hour())<<11 | uint16(t.Minute())<<5 | uint16(t.Second()/2)
}

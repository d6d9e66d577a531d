// Package fat reads single files out of FAT12, FAT16 and FAT32 file systems
// without mounting them: seed disks are often made so. It trusts nothing that
// the disk says: each read and each loop has a bound, so that a broken or
// hostile disk costs an error and no more.
//
// Sections are those of Microsoft's "FAT: General Overview of On-Disk Format",
// version 1.03.
package fat

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
)

// ErrFormat means that there is no FAT file system.
var ErrFormat = errors.New("not a FAT file system")

const (
	bootSector   = 512
	entrySize    = 32
	maxDirectory = 1 << 20 // bytes
	maxFAT12     = 4084    // clusters, "FAT Type Determination"
)

// FS is one file system.
type FS struct {
	r        io.ReaderAt
	label    string
	bits     int   // of an entry of the table: 12, 16 or 32
	cluster  int64 // bytes
	clusters uint32
	table    int64 // where the first table starts, in bytes
	root     int64 // where the fixed root directory starts, FAT12 and FAT16
	rootSize int64 // bytes
	rootAt   uint32
	data     int64 // where cluster 2 starts
}

// Open reads the boot sector and the label. The error is ErrFormat where r
// holds something else.
func Open(r io.ReaderAt) (*FS, error) {
	var b [bootSector]byte
	if err := readAt(r, b[:], 0); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	f, err := parseBoot(b[:])
	if err != nil {
		return nil, err
	}
	f.r = r
	if err := f.readLabel(b[:]); err != nil {
		return nil, fmt.Errorf("reading the label: %w", err)
	}
	return f, nil
}

// parseBoot reads "Boot Sector and BPB".
func parseBoot(b []byte) (*FS, error) {
	sector := int64(binary.LittleEndian.Uint16(b[11:]))
	perCluster := int64(b[13])
	reserved := int64(binary.LittleEndian.Uint16(b[14:]))
	tables := int64(b[16])
	jump := b[0] == 0xeb || b[0] == 0xe9
	if !jump || b[510] != 0x55 || b[511] != 0xaa || b[21] < 0xf0 ||
		!power(sector, 512, 4096) || !power(perCluster, 1, 128) || reserved == 0 || tables == 0 {
		return nil, ErrFormat
	}
	total := int64(binary.LittleEndian.Uint16(b[19:]))
	if total == 0 {
		total = int64(binary.LittleEndian.Uint32(b[32:]))
	}
	perTable := int64(binary.LittleEndian.Uint16(b[22:]))
	f := &FS{bits: 16, cluster: sector * perCluster, table: reserved * sector}
	if perTable == 0 { // as Linux tells FAT32, whatever the number of clusters
		perTable = int64(binary.LittleEndian.Uint32(b[36:]))
		f.bits, f.rootAt = 32, binary.LittleEndian.Uint32(b[44:])
	}
	f.root = f.table + tables*perTable*sector
	f.rootSize = int64(binary.LittleEndian.Uint16(b[17:])) * entrySize
	f.data = f.root + (f.rootSize+sector-1)/sector*sector
	clusters := (total*sector - f.data) / f.cluster
	if perTable == 0 || clusters < 1 || clusters >= 0x0ffffff0 {
		return nil, fmt.Errorf("%w: sizes in the boot sector do not fit", ErrFormat)
	}
	f.clusters = uint32(clusters)
	if f.bits == 16 && f.clusters <= maxFAT12 {
		f.bits = 12
	}
	return f, nil
}

func power(n, low, high int64) bool { return n >= low && n <= high && n&(n-1) == 0 }

// Label returns the volume's label: the root directory's, else the boot
// sector's.
func (f *FS) Label() string { return f.label }

func (f *FS) readLabel(boot []byte) error {
	signature := 38
	if f.bits == 32 {
		signature = 66
	}
	if boot[signature] == 0x29 {
		f.label = strings.TrimRight(string(boot[signature+5:signature+16]), " \x00")
	}
	dir, err := f.rootDirectory()
	if err != nil {
		return err
	}
	for e := range entries(dir) {
		if e.label {
			f.label = e.short
		}
	}
	return nil
}

// ReadFile returns the file with a slash-separated path; names are compared
// without regard to case. A file that is not there is fs.ErrNotExist; one of
// more than limit bytes is an error.
func (f *FS) ReadFile(path string, limit int64) ([]byte, error) {
	b, err := f.readFile(path, limit)
	if err != nil {
		return nil, &fs.PathError{Op: "reading", Path: path, Err: err}
	}
	return b, nil
}

func (f *FS) readFile(path string, limit int64) ([]byte, error) {
	dir, err := f.rootDirectory()
	if err != nil {
		return nil, fmt.Errorf("reading the root directory: %w", err)
	}
	names := strings.Split(path, "/")
	for i, name := range names {
		e, found := find(dir, name)
		last := i == len(names)-1
		switch {
		case !found || !last && !e.dir:
			return nil, fs.ErrNotExist
		case last && e.dir:
			return nil, errors.New("is a directory")
		case last && int64(e.size) > limit:
			return nil, fmt.Errorf("has %d bytes, more than %d", e.size, limit)
		case last:
			return f.chain(e.cluster, int64(e.size), true)
		}
		if dir, err = f.chain(e.cluster, maxDirectory, false); err != nil {
			return nil, fmt.Errorf("reading a directory: %w", err)
		}
	}
	return nil, fs.ErrNotExist
}

func (f *FS) rootDirectory() ([]byte, error) {
	if f.bits == 32 {
		return f.chain(f.rootAt, maxDirectory, false)
	}
	b := make([]byte, f.rootSize)
	return b, readAt(f.r, b, f.root)
}

// readAt fills b; a short read is an error.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

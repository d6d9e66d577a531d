// Package iso9660 reads single files out of ISO 9660 images (ECMA-119) without
// mounting them: cloud-init's seed disks are made so. It trusts nothing that
// the image says: each read and each loop has a bound, so that a broken or
// hostile disk costs an error and no more.
//
// Names come from Rock Ridge (IEEE P1282) where the image has it, then from
// Joliet, else from the plain directory, and are compared without regard to
// case. Symbolic links, interleaved files and files of several extents are not
// read.
package iso9660

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf16"
)

// ErrFormat means that there is no ISO 9660 file system.
var ErrFormat = errors.New("not an ISO 9660 file system")

const (
	sectorSize     = 2048
	firstSector    = 16      // ECMA-119 6.2.1: the system area before it is not ours
	maxDescriptors = 32      // real images have two to four
	maxDirectory   = 1 << 20 // bytes
	rootRecord     = 156     // ECMA-119 8.4.18: where the root's record lies
	rootRecordSize = 34
)

// Types of volume descriptors, ECMA-119 8.1.1.
const (
	typePrimary       = 1
	typeSupplementary = 2
	typeTerminator    = 255
)

// FS is one image.
type FS struct {
	r     io.ReaderAt
	label string
	trees []tree
}

// A tree is one of the directory trees of an image: the primary one with its
// Rock Ridge names, and Joliet's.
type tree struct {
	root   record
	joliet bool
}

// Open reads the volume descriptors. The error is ErrFormat where r holds
// something else.
func Open(r io.ReaderAt) (*FS, error) {
	f := &FS{r: r}
	var b [sectorSize]byte
	for i := range int64(maxDescriptors) {
		if err := readAt(r, b[:], (firstSector+i)*sectorSize); err != nil {
			if i == 0 {
				return nil, fmt.Errorf("%w: %w", ErrFormat, err)
			}
			return nil, fmt.Errorf("reading a volume descriptor: %w", err)
		}
		if string(b[1:6]) != "CD001" {
			break
		}
		if b[0] == typeTerminator {
			break
		}
		if err := f.add(b[:]); err != nil {
			return nil, err
		}
	}
	if len(f.trees) == 0 {
		return nil, ErrFormat
	}
	return f, nil
}

// add takes in one volume descriptor.
func (f *FS) add(b []byte) error {
	joliet := b[0] == typeSupplementary && isJoliet(b[88:120])
	if b[0] != typePrimary && !joliet {
		return nil
	}
	if size := binary.LittleEndian.Uint16(b[128:]); size != sectorSize {
		return fmt.Errorf("logical blocks of %d bytes are not supported", size)
	}
	root, _, err := parseRecord(b[rootRecord : rootRecord+rootRecordSize])
	if err != nil {
		return fmt.Errorf("reading the root directory's record: %w", err)
	}
	if !joliet {
		f.label = strings.TrimRight(string(b[40:72]), " \x00")
	}
	f.trees = append(f.trees, tree{root: root, joliet: joliet})
	return nil
}

// isJoliet tells Joliet's escape sequences, levels 1 to 3.
func isJoliet(escapes []byte) bool {
	for _, level := range []string{"%/@", "%/C", "%/E"} {
		if bytes.HasPrefix(escapes, []byte(level)) {
			return true
		}
	}
	return false
}

// Label returns the volume identifier.
func (f *FS) Label() string { return f.label }

// ReadFile returns the file with a slash-separated path. A file that is not
// there is fs.ErrNotExist; one of more than limit bytes is an error.
func (f *FS) ReadFile(path string, limit int64) ([]byte, error) {
	var failed error
	for _, t := range f.trees {
		b, err := f.readFrom(t, path, limit)
		if err == nil {
			return b, nil
		}
		if failed == nil || !errors.Is(err, fs.ErrNotExist) {
			failed = err
		}
	}
	return nil, &fs.PathError{Op: "reading", Path: path, Err: failed}
}

func (f *FS) readFrom(t tree, path string, limit int64) ([]byte, error) {
	at := t.root
	for name := range strings.SplitSeq(path, "/") {
		if !at.dir {
			return nil, fs.ErrNotExist
		}
		b, err := f.content(at, maxDirectory)
		if err != nil {
			return nil, fmt.Errorf("reading a directory: %w", err)
		}
		if at, err = f.find(b, name, t.joliet); err != nil {
			return nil, err
		}
	}
	if at.dir {
		return nil, errors.New("is a directory")
	}
	return f.content(at, limit)
}

// content reads the one extent of a file or directory.
func (f *FS) content(r record, limit int64) ([]byte, error) {
	if r.split {
		return nil, errors.New("files of several extents are not supported")
	}
	if int64(r.size) > limit {
		return nil, fmt.Errorf("has %d bytes, more than %d", r.size, limit)
	}
	b := make([]byte, r.size)
	err := readAt(f.r, b, int64(r.block)*sectorSize)
	return b, err
}

// find returns the record with a name among those of a directory.
func (f *FS) find(dir []byte, name string, joliet bool) (record, error) {
	for at := 0; at < len(dir); {
		if dir[at] == 0 { // ECMA-119 6.8.1.1: the rest of this sector is empty
			at = (at/sectorSize + 1) * sectorSize
			continue
		}
		r, use, err := parseRecord(dir[at:])
		if err != nil {
			return record{}, fmt.Errorf("reading a directory: %w", err)
		}
		at += int(dir[at])
		itself := len(r.id) == 1 && r.id[0] <= 1 // ECMA-119 6.8.2.2: . and ..
		if !itself && strings.EqualFold(f.nameOf(r, use, joliet), name) {
			return r, nil
		}
	}
	return record{}, fs.ErrNotExist
}

// nameOf picks the best name of a record. use is its system use area.
func (f *FS) nameOf(r record, use []byte, joliet bool) string {
	if joliet {
		return plainName(utf16be(r.id))
	}
	if name := f.rockRidge(use); name != "" {
		return name
	}
	return plainName(string(r.id))
}

// plainName cuts off the version, ECMA-119 7.5.1.
func plainName(id string) string {
	name, _, _ := strings.Cut(id, ";")
	return strings.TrimSuffix(name, ".")
}

func utf16be(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = binary.BigEndian.Uint16(b[2*i:])
	}
	return string(utf16.Decode(u))
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

package esp

import (
	"debug/pe"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/osrelease"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

// maxSection bounds the sections that are read, in bytes.
const maxSection = 64 << 10

// read fills in what the image says of itself. Of tens of megabytes it reads
// some kilobytes.
func (f Folder) read(e *Entry) {
	in, err := f.FS.Open(filepath.Join(f.Dir, e.File))
	if err != nil {
		e.Err, e.Size = err, -1
		return
	}
	defer in.Close()
	e.Size = in.Size()
	e.Err = describe(e, in, e.Size)
}

// Describe says what an image is that is to be put there under the name.
func Describe(name sdboot.Name, r io.ReaderAt, size int64) (Entry, error) {
	e := Entry{Entry: sdboot.Entry{Name: name}, File: name.File()}
	return e, describe(&e, r, size)
}

func describe(e *Entry, r io.ReaderAt, size int64) error {
	file, err := pe.NewFile(io.NewSectionReader(r, 0, size))
	if err != nil {
		return fmt.Errorf("%s is no EFI executable: %w", e.File, err)
	}
	release, err := section(file, ".osrel", size)
	if err != nil {
		return fmt.Errorf("%s: %w", e.File, err)
	}
	line, err := section(file, ".cmdline", size)
	if err != nil {
		return fmt.Errorf("%s: %w", e.File, err)
	}
	vars, err := osrelease.Parse([]byte(release))
	if err != nil {
		return fmt.Errorf("%s: %w", e.File, err)
	}
	known, ok := sdboot.Describe(e.Name, vars)
	if !ok {
		return fmt.Errorf("%s: its os-release names no system", e.File)
	}
	root, err := cmdline.Parse(strings.TrimRight(line, "\x00\n "))
	if err != nil {
		return fmt.Errorf("%s: %w", e.File, err)
	}
	e.Entry, e.Release, e.RootHash = known, vars["VERSION_ID"], root.Hash.String()
	return nil
}

func section(file *pe.File, name string, size int64) (string, error) {
	s := file.Section(name)
	if s == nil {
		return "", fmt.Errorf("it has no section %s", name)
	}
	n := int64(min(s.Size, s.VirtualSize))
	if n > maxSection || int64(s.Offset)+n > size {
		return "", fmt.Errorf("its section %s has %d bytes at %d", name, n, s.Offset)
	}
	b := make([]byte, n)
	if _, err := s.ReadAt(b, 0); err != nil {
		return "", fmt.Errorf("reading its section %s: %w", name, err)
	}
	return string(b), nil
}

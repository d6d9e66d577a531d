// Package rootfs merges the tar archives of packages ("layers") into the one
// archive of the root file system.
package rootfs

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// entry is one path of one layer.
type entry struct {
	path   string
	layer  *layer
	header *tar.Header
	data   int64 // offset of the content in the layer's file
	auto   bool  // a folder that no layer lists, but that one needs
}

// layer is an open archive.
type layer struct {
	name string
	file *os.File
}

// Merge writes the union of the layers to w: sorted by path, with time as
// every file's time. Two layers that claim one path are an error, except for
// folders with equal mode, owner and attributes.
func Merge(w io.Writer, paths []string, mtime time.Time) error {
	m := &merger{entries: map[string]*entry{}}
	defer m.close()
	for _, p := range paths {
		if err := m.addLayer(p); err != nil {
			return err
		}
	}
	if err := m.complete(); err != nil {
		return err
	}
	return m.write(w, mtime)
}

// Check checks that an archive is whole and could be merged, without reading
// the contents of files.
func Check(path string) error {
	m := &merger{entries: map[string]*entry{}}
	defer m.close()
	if err := m.addLayer(path); err != nil {
		return err
	}
	return m.complete()
}

type merger struct {
	layers  []*layer
	entries map[string]*entry
	errs    []error
}

func (m *merger) close() {
	for _, l := range m.layers {
		l.file.Close()
	}
}

func (m *merger) addLayer(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return fmt.Errorf("opening layer: %w", err)
	}
	l := &layer{name: name, file: f}
	m.layers = append(m.layers, l)
	entries, err := scan(l)
	if err != nil {
		return fmt.Errorf("layer %s: %w", name, err)
	}
	for _, e := range entries {
		if old := m.entries[e.path]; old != nil {
			if err := conflict(old, e); err != nil {
				m.errs = append(m.errs, err)
			}
			continue
		}
		m.entries[e.path] = e
	}
	return nil
}

// scan reads the headers of a layer.
func scan(l *layer) ([]*entry, error) {
	var entries []*entry
	seen := map[string]bool{}
	r := tar.NewReader(l.file)
	for {
		h, err := r.Next()
		if err == io.EOF {
			return entries, checkEnd(l.file)
		}
		if err != nil {
			return nil, fmt.Errorf("reading tar archive: %w", err)
		}
		clean, err := cleanPath(h.Name)
		if err != nil {
			return nil, err
		}
		if err := checkHeader(h); err != nil {
			return nil, fmt.Errorf("/%s: %w", clean, err)
		}
		if seen[clean] {
			return nil, fmt.Errorf("/%s is in the archive twice", clean)
		}
		seen[clean] = true
		// The archive is read without a buffer, so the file now stands at
		// the entry's content.
		at, err := l.file.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		entries = append(entries, &entry{path: clean, layer: l, header: h, data: at})
	}
}

// checkEnd wants the two zero blocks that end an archive. archive/tar does not
// miss them, so that one cut off between two entries would look whole.
func checkEnd(f *os.File) error {
	end, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		return err
	}
	b := make([]byte, 1024)
	if end < int64(len(b)) {
		return errTruncated
	}
	if _, err := f.ReadAt(b, end-int64(len(b))); err != nil {
		return err
	}
	if len(bytes.TrimLeft(b, "\x00")) > 0 {
		return errTruncated
	}
	return nil
}

var errTruncated = errors.New("tar archive does not end with two zero blocks; is it truncated?")

// cleanPath returns the path without leading "./" or trailing slash; the root
// folder is ".".
func cleanPath(name string) (string, error) {
	clean := path.Clean(name)
	if strings.HasPrefix(name, "/") || clean == ".." || strings.HasPrefix(clean, "../") || strings.Contains(name, "\x00") {
		return "", fmt.Errorf("path %q is not below the root", name)
	}
	return clean, nil
}

// kinds are the types that a root file system may hold.
var kinds = []byte{tar.TypeReg, tar.TypeDir, tar.TypeSymlink, tar.TypeLink, tar.TypeChar, tar.TypeBlock, tar.TypeFifo}

func checkHeader(h *tar.Header) error {
	if !slices.Contains(kinds, h.Typeflag) {
		return fmt.Errorf("tar entry of type %q is not supported", h.Typeflag)
	}
	for key := range h.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return fmt.Errorf("sparse tar entries are not supported")
		}
	}
	if h.Typeflag == tar.TypeLink {
		if _, err := cleanPath(h.Linkname); err != nil {
			return fmt.Errorf("hard link to %q: %w", h.Linkname, err)
		}
	}
	return nil
}

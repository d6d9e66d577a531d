package rootfs

import (
	"archive/tar"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"
)

// write writes the merged tree, folders before what lies in them.
func (m *merger) write(w io.Writer, mtime time.Time) error {
	out := tar.NewWriter(w)
	for _, e := range slices.SortedFunc(maps.Values(m.entries), func(a, b *entry) int { return cmp.Compare(a.sortKey(), b.sortKey()) }) {
		if err := e.write(out, mtime); err != nil {
			return fmt.Errorf("writing /%s: %w", e.path, err)
		}
	}
	if err := out.Close(); err != nil {
		return fmt.Errorf("writing tar archive: %w", err)
	}
	return nil
}

// sortKey puts the root folder first.
func (e *entry) sortKey() string {
	if e.path == "." {
		return ""
	}
	return e.path
}

func (e *entry) write(out *tar.Writer, mtime time.Time) error {
	h := &tar.Header{
		Typeflag: e.header.Typeflag,
		Name:     e.path,
		Linkname: e.header.Linkname,
		Mode:     e.header.Mode & 0o7777,
		Uid:      e.header.Uid,
		Gid:      e.header.Gid,
		Devmajor: e.header.Devmajor,
		Devminor: e.header.Devminor,
		ModTime:  mtime,
	}
	if attrs := xattrs(e.header); len(attrs) > 0 {
		h.PAXRecords = attrs
	}
	switch h.Typeflag {
	case tar.TypeDir:
		h.Name += "/"
	case tar.TypeReg:
		h.Size = e.header.Size
	}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	if h.Typeflag != tar.TypeReg || h.Size == 0 {
		return nil
	}
	_, err := io.Copy(out, io.NewSectionReader(e.layer.file, e.data, h.Size))
	return err
}

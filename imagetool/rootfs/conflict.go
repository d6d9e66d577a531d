package rootfs

import (
	"archive/tar"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// maxErrors bounds the report on layers that do not fit together at all.
const maxErrors = 50

// conflict says why two layers cannot both have a path; nil for folders that
// agree.
func conflict(a, b *entry) error {
	what := ""
	switch {
	case a.kind() != b.kind():
		what = fmt.Sprintf("a %s in one, a %s in the other", a.kind(), b.kind())
	case a.header.Typeflag != tar.TypeDir:
		what = "a " + a.kind() + " in both"
	case a.header.Mode&0o7777 != b.header.Mode&0o7777:
		what = fmt.Sprintf("a folder with mode %04o in one, %04o in the other", a.header.Mode&0o7777, b.header.Mode&0o7777)
	case a.header.Uid != b.header.Uid || a.header.Gid != b.header.Gid:
		what = fmt.Sprintf("a folder owned by %d:%d in one, %d:%d in the other", a.header.Uid, a.header.Gid, b.header.Uid, b.header.Gid)
	case !maps.Equal(xattrs(a.header), xattrs(b.header)):
		what = "a folder with different extended attributes"
	default:
		return nil
	}
	return fmt.Errorf("layers %s and %s both claim /%s: %s", a.layer.name, b.layer.name, a.path, what)
}

func (e *entry) kind() string {
	switch e.header.Typeflag {
	case tar.TypeDir:
		return "folder"
	case tar.TypeSymlink:
		return "symbolic link"
	case tar.TypeReg, tar.TypeLink:
		return "file"
	}
	return "special file"
}

// xattrs returns the extended attributes of a PAX header.
func xattrs(h *tar.Header) map[string]string {
	attrs := map[string]string{}
	for k, v := range h.PAXRecords {
		if strings.HasPrefix(k, "SCHILY.xattr.") {
			attrs[k] = v
		}
	}
	return attrs
}

// complete checks the merged tree: every path lies in a folder, and every hard
// link leads to a file. Folders that no layer lists are added.
func (m *merger) complete() error {
	for _, p := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[p]
		for parent := path.Dir(p); p != "."; p, parent = parent, path.Dir(parent) {
			have := m.entries[parent]
			if have == nil {
				m.entries[parent] = autoFolder(parent, e.layer)
				continue
			}
			if have.header.Typeflag != tar.TypeDir {
				m.errs = append(m.errs, fmt.Errorf("layer %s has /%s, but layer %s has /%s as a %s", e.layer.name, e.path, have.layer.name, parent, have.kind()))
			}
			break
		}
	}
	if m.entries["."] == nil {
		m.entries["."] = autoFolder(".", nil)
	}
	m.errs = append(m.errs, m.resolveLinks()...)
	if n := len(m.errs); n > maxErrors {
		m.errs = append(m.errs[:maxErrors], fmt.Errorf("and %d more", n-maxErrors))
	}
	return errors.Join(m.errs...)
}

func autoFolder(p string, l *layer) *entry {
	return &entry{path: p, layer: l, auto: true, header: &tar.Header{Typeflag: tar.TypeDir, Mode: 0o755}}
}

// resolveLinks makes the first path of each set of hard links, in order of
// the output, the one with the content, because a reader of a tar archive
// must meet the target of a link before the link.
func (m *merger) resolveLinks() []error {
	var errs []error
	sets := map[*entry][]*entry{}
	for _, p := range slices.Sorted(maps.Keys(m.entries)) {
		e := m.entries[p]
		if e.header.Typeflag != tar.TypeLink {
			continue
		}
		target, err := m.target(e)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		sets[target] = append(sets[target], e)
	}
	for target, links := range sets {
		first := slices.MinFunc(append(links, target), func(a, b *entry) int { return strings.Compare(a.path, b.path) })
		header, data, from := target.header, target.data, target.layer
		for _, e := range append(links, target) {
			e.header = &tar.Header{Typeflag: tar.TypeLink, Linkname: first.path, Mode: header.Mode, Uid: header.Uid, Gid: header.Gid}
		}
		first.header, first.data, first.layer = header, data, from
	}
	return errs
}

// target follows hard links to the file with the content.
func (m *merger) target(e *entry) (*entry, error) {
	at := e
	for range len(m.entries) {
		clean, err := cleanPath(at.header.Linkname)
		if err != nil {
			return nil, err
		}
		next := m.entries[clean]
		switch {
		case next == nil:
			return nil, fmt.Errorf("layer %s: hard link /%s leads to /%s, which does not exist", e.layer.name, e.path, clean)
		case next.header.Typeflag == tar.TypeReg:
			return next, nil
		case next.header.Typeflag != tar.TypeLink:
			return nil, fmt.Errorf("layer %s: hard link /%s leads to /%s, which is a %s", e.layer.name, e.path, clean, next.kind())
		}
		at = next
	}
	return nil, fmt.Errorf("layer %s: hard link /%s leads to itself", e.layer.name, e.path)
}

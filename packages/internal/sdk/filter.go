package sdk

import (
	"archive/tar"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"time"
)

// stamp is the modification time of every file in the SDK. It is a constant,
// so that the same packages give the same archive whenever they were locked.
var stamp = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// dropped are folders and files that no build needs: what people read,
// translations, and large programs nobody calls.
var dropped = []string{
	"usr/bin/lto-dump",
	"usr/bin/lto-dump-14",
	"usr/bin/qemu-system-i386",
	"usr/bin/x86_64-linux-gnu-lto-dump",
	"usr/bin/x86_64-linux-gnu-lto-dump-14",
	"usr/share/bash-completion",
	"usr/share/bug",
	"usr/share/cmake-3.31/Help",
	"usr/share/doc",
	"usr/share/doc-base",
	"usr/share/gtk-doc",
	"usr/share/info",
	"usr/share/lintian",
	"usr/share/locale",
	"usr/share/man",
	"usr/share/zsh",
}

// merged are the top folders that are links into usr.
var merged = []string{"bin", "lib", "lib32", "lib64", "libx32", "sbin"}

// isDropped tells whether name is, or is below, one of dropped.
func isDropped(name string) bool {
	for _, prefix := range dropped {
		if rest, ok := strings.CutPrefix(name, prefix); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}

// place returns where the SDK has the path of a package: relative, clean, and
// below usr where that has become the place.
func place(name string) (string, error) {
	name = path.Clean(strings.TrimPrefix(name, "/"))
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("the path %q leaves the root", name)
	}
	for _, top := range merged {
		if strings.HasPrefix(name, top+"/") {
			return "usr/" + name, nil
		}
	}
	return name, nil
}

// normalise returns the header that the SDK has for one of a package, or nil
// when the SDK leaves it out.
func normalise(h *tar.Header) (*tar.Header, error) {
	name, err := place(h.Name)
	if err != nil {
		return nil, err
	}
	if name == "." || isDropped(name) {
		return nil, nil
	}
	out := &tar.Header{Typeflag: h.Typeflag, Name: name, Mode: mode(h), ModTime: stamp}
	switch h.Typeflag {
	case tar.TypeReg:
		out.Size = h.Size
	case tar.TypeDir:
	case tar.TypeSymlink:
		out.Linkname = h.Linkname
	case tar.TypeLink:
		out.Linkname, err = place(h.Linkname)
	default:
		return nil, fmt.Errorf("%s is of a type (%q) that the SDK cannot have", name, h.Typeflag)
	}
	return out, err
}

// mode returns the permissions of a file: readable by everybody, since it is
// everybody that builds, and with no privilege.
func mode(h *tar.Header) int64 {
	const shared = 0o1777 // a sticky folder that everybody may write to
	switch {
	case h.Typeflag == tar.TypeSymlink:
		return 0o777
	case h.Typeflag == tar.TypeDir && h.Mode&shared == shared:
		return shared
	case h.Typeflag == tar.TypeDir:
		return 0o755
	}
	return h.Mode&0o755 | 0o444
}

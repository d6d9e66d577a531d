package sdk

import (
	"archive/tar"
	"fmt"
	"io"
	"maps"
	"path"
	"slices"
)

// links are what maintainer scripts would have made, mostly alternatives:
// path to target, relative to the path's folder.
var links = map[string]string{
	"etc/localtime":    "../usr/share/zoneinfo/Etc/UTC",
	"usr/bin/aclocal":  "aclocal-1.17",
	"usr/bin/automake": "automake-1.17",
	"usr/bin/awk":      "gawk",
	"usr/bin/c++":      "g++",
	"usr/bin/c89":      "c89-gcc",
	"usr/bin/c99":      "c99-gcc",
	"usr/bin/cc":       "gcc",
	"usr/bin/lzma":     "xz",
	"usr/bin/nawk":     "gawk",
	"usr/bin/unlzma":   "unxz",
	"usr/bin/which":    "which.debianutils",
	"usr/bin/yacc":     "bison.yacc",
	"usr/sbin/rmt":     "rmt-tar",
}

// mountPoints are folders that a sandbox mounts on.
var mountPoints = []string{
	"build", "dev", "home", "mnt", "out", "proc", "root", "run", "src", "sys", "sysroot", "tools", "work",
}

// scratch are folders that everybody may write to when they are mounted so.
var scratch = []string{"tmp", "var/tmp"}

// files are the pieces of configuration that programs look for.
var files = map[string]string{
	"etc/group": "root:x:0:\ntty:x:5:\ndisk:x:6:\nkvm:x:104:\nbuild:x:1000:\nnogroup:x:65534:\n",
	"etc/hosts": "127.0.0.1 localhost\n::1 localhost\n",
	"etc/nsswitch.conf": "passwd: files\ngroup: files\nshadow: files\n" +
		"hosts: files dns\nservices: files\nprotocols: files\n",
	"etc/passwd": "root:x:0:0:root:/root:/bin/sh\n" +
		"build:x:1000:1000:build:/build:/bin/sh\n" +
		"nobody:x:65534:65534:nobody:/nonexistent:/bin/false\n",
	"etc/resolv.conf": "",
}

// tree is what the packages hold together.
type tree struct {
	dirs  map[string]int64  // path to mode
	owner map[string]string // path of anything but a folder to its package
}

// add takes the paths of one package. Only folders may be in two packages.
func (t *tree) add(pkg string, headers []*tar.Header) error {
	for _, h := range headers {
		if h.Typeflag == tar.TypeDir {
			t.dirs[h.Name] = max(t.dirs[h.Name], h.Mode)
			continue
		}
		if other, taken := t.owner[h.Name]; taken {
			return fmt.Errorf("packages %s and %s both have %s", other, pkg, h.Name)
		}
		t.owner[h.Name] = pkg
	}
	return nil
}

// check tells of a path that is a folder in one package and something else in
// another, and of a file whose folder no package has.
func (t *tree) check() error {
	for _, name := range slices.Sorted(maps.Keys(t.owner)) {
		if _, both := t.dirs[name]; both {
			return fmt.Errorf("package %s has %s, which is a folder in another", t.owner[name], name)
		}
		if parent := path.Dir(name); parent != "." && t.dirs[parent] == 0 {
			return fmt.Errorf("package %s has %s, but no package has its folder", t.owner[name], name)
		}
	}
	return nil
}

// write writes the skeleton: every folder, then the links and files above.
func (t *tree) write(out *tar.Writer) error {
	for _, name := range mountPoints {
		t.dirs[name] = 0o755
	}
	for _, name := range scratch {
		t.dirs[name] = 0o1777
	}
	for _, name := range slices.Sorted(maps.Keys(t.dirs)) {
		h := &tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: t.dirs[name], ModTime: stamp}
		if err := out.WriteHeader(h); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(links)) {
		if err := t.writeLink(out, name); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(files)) {
		if err := t.writeFile(out, name, files[name]); err != nil {
			return err
		}
	}
	return nil
}

// writeLink writes one of links, when a package has its target.
func (t *tree) writeLink(out *tar.Writer, name string) error {
	target := path.Join(path.Dir(name), links[name])
	if _, ok := t.owner[target]; !ok {
		return fmt.Errorf("no package has %s, which %s is to link to", target, name)
	}
	if pkg, taken := t.owner[name]; taken {
		return fmt.Errorf("package %s has the link %s of its own", pkg, name)
	}
	return out.WriteHeader(&tar.Header{
		Typeflag: tar.TypeSymlink, Name: name, Linkname: links[name], Mode: 0o777, ModTime: stamp,
	})
}

// writeFile writes one of files.
func (t *tree) writeFile(out *tar.Writer, name, content string) error {
	if pkg, taken := t.owner[name]; taken {
		return fmt.Errorf("package %s has the file %s of its own", pkg, name)
	}
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o644, Size: int64(len(content)), ModTime: stamp}
	if err := out.WriteHeader(h); err != nil {
		return err
	}
	_, err := io.WriteString(out, content)
	return err
}

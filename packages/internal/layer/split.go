package layer

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Policy states a package's exceptions from the path policy. Patterns are
// path.Match patterns against the whole path; one that ends in "/**" matches
// everything below a folder.
type Policy struct {
	Drop  []string // not installed at all
	Keep  []string // runtime, although the policy says otherwise
	Devel []string // devel, although the policy says runtime
}

// dropped paths serve people at a terminal of a distribution, not a host
// without a shell.
var dropped = []string{
	"usr/share/man/**", "usr/share/doc/**", "usr/share/info/**", "usr/share/gtk-doc/**",
	"usr/share/locale/**", "usr/share/bash-completion/**", "usr/share/zsh/**", "usr/share/fish/**",
	"usr/share/polkit-1/**", "usr/share/mime/**", "usr/lib/*.la",
}

// devel paths are for compiling against the package.
var devel = []string{
	"usr/include/**", "usr/lib/*.a", "usr/lib/*.o", "usr/lib/pkgconfig/**", "usr/share/pkgconfig/**",
	"usr/share/aclocal/**", "usr/lib/cmake/**", "usr/src/**",
}

func match(patterns []string, name string) bool {
	for _, p := range patterns {
		if dir, ok := strings.CutSuffix(p, "/**"); ok {
			if name == dir || strings.HasPrefix(name, dir+"/") {
				return true
			}
			continue
		}
		if ok, _ := path.Match(p, name); ok {
			return true
		}
	}
	return false
}

// Match reports whether name matches one of the patterns (see Policy).
func Match(patterns []string, name string) bool { return match(patterns, name) }

// Merge brings an installed tree into the one layout of the system: programs in
// usr/bin, libraries in usr/lib, defaults of /etc in usr/share/factory/etc.
func Merge(root string) error {
	moves := [][2]string{
		// pkg-config puts the sysroot before every folder that it names, that
		// of systemd's units among them (PKG_CONFIG_SYSROOT_DIR).
		{"sysroot", "."},
		{"bin", "usr/bin"}, {"sbin", "usr/bin"}, {"usr/sbin", "usr/bin"},
		{"lib", "usr/lib"}, {"lib64", "usr/lib"}, {"usr/lib64", "usr/lib"},
		{"etc", "usr/share/factory/etc"},
	}
	for _, m := range moves {
		from := filepath.Join(root, m[0])
		info, err := os.Lstat(from)
		if os.IsNotExist(err) || (err == nil && !info.IsDir()) {
			continue
		}
		if err != nil {
			return err
		}
		list, err := os.ReadDir(from)
		if err != nil {
			return err
		}
		if len(list) == 0 && !strings.Contains(m[0], "/") {
			continue // an empty folder at the top is a mount point
		}
		if err := moveTree(from, filepath.Join(root, m[1])); err != nil {
			return fmt.Errorf("moving /%s to /%s: %w", m[0], m[1], err)
		}
	}
	return nil
}

func moveTree(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	list, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	for _, d := range list {
		src, dst := filepath.Join(from, d.Name()), filepath.Join(to, d.Name())
		if d.IsDir() {
			if err := moveTree(src, dst); err != nil {
				return err
			}
			continue
		}
		if _, err := os.Lstat(dst); err == nil {
			// usr/sbin/x -> ../bin/x installed next to usr/bin/x
			if d.Type()&fs.ModeSymlink != 0 {
				if err := os.Remove(src); err != nil {
					return err
				}
				continue
			}
			return fmt.Errorf("both %s and %s are installed", src, dst)
		}
		if err := os.Rename(src, dst); err != nil {
			return err
		}
	}
	return os.Remove(from)
}

// Split sorts a tree's entries into the runtime and the devel layer. Folders
// go where something below them goes; folders that the package left empty stay
// in runtime.
func Split(entries []Entry, p Policy) (runtime, develop []Entry) {
	dirs := map[string]Entry{}
	full := map[string]bool{}
	inRuntime, inDevel := map[string]bool{}, map[string]bool{}
	for _, e := range entries {
		full[path.Dir(e.Path)] = true
		if e.Info.IsDir() {
			dirs[e.Path] = e
			continue
		}
		switch {
		case match(p.Drop, e.Path), match(dropped, e.Path) && !match(p.Keep, e.Path):
		case isDevel(e, p):
			develop = append(develop, e)
			markParents(inDevel, e.Path)
		default:
			runtime = append(runtime, e)
			markParents(inRuntime, e.Path)
		}
	}
	for name, e := range dirs {
		gone := match(p.Drop, name) || match(dropped, name) && !match(p.Keep, name)
		if inRuntime[name] || !full[name] && !gone && !match(devel, name) {
			runtime = append(runtime, e)
		}
		if inDevel[name] {
			develop = append(develop, e)
		}
	}
	sortEntries(runtime)
	sortEntries(develop)
	return addParents(runtime, dirs), develop
}

// addParents makes sure that the folders above an empty folder are there too.
func addParents(entries []Entry, dirs map[string]Entry) []Entry {
	have := map[string]bool{}
	for _, e := range entries {
		have[e.Path] = true
	}
	for _, e := range entries {
		for d := path.Dir(e.Path); d != "."; d = path.Dir(d) {
			if parent, ok := dirs[d]; ok && !have[d] {
				have[d] = true
				entries = append(entries, parent)
			}
		}
	}
	sortEntries(entries)
	return entries
}

func isDevel(e Entry, p Policy) bool {
	if match(p.Keep, e.Path) {
		return false
	}
	if match(p.Devel, e.Path) || match(devel, e.Path) {
		return true
	}
	// usr/lib/libx.so is for the linker, libx.so.1 for the loader.
	dir, name := path.Split(e.Path)
	return dir == "usr/lib/" && strings.HasPrefix(name, "lib") && strings.HasSuffix(name, ".so") &&
		e.Info.Mode()&fs.ModeSymlink != 0
}

func markParents(seen map[string]bool, name string) {
	for d := path.Dir(name); d != "."; d = path.Dir(d) {
		seen[d] = true
	}
}

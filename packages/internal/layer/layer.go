// Package layer writes and reads package layers: deterministic, uncompressed
// tar files (ustar/PAX, sorted by path, owner 0:0, one time stamp), and splits
// what a package installed into its runtime and its devel layer.
package layer

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/google/renameio/v2"
)

// Entry is one path of an installed tree.
type Entry struct {
	Path string // relative, slash-separated, no leading "./"
	File string // host path of the content
	Info fs.FileInfo
}

// List returns the entries below root in the order of their paths. Paths are
// compared by component, so that a folder comes right before what it holds.
func List(root string) ([]Entry, error) {
	var entries []Entry
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil || file == root {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		entries = append(entries, Entry{filepath.ToSlash(rel), file, info})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("listing %s: %w", root, err)
	}
	sortEntries(entries)
	return entries, nil
}

func sortEntries(entries []Entry) {
	key := func(p string) string { return strings.ReplaceAll(p, "/", "\x00") }
	sort.Slice(entries, func(i, j int) bool { return key(entries[i].Path) < key(entries[j].Path) })
}

// Write writes entries as a layer to file, beside it first and then renamed.
// epoch is the time of every entry in seconds since 1970.
func Write(file string, entries []Entry, epoch int64) error {
	out, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o644))
	if err != nil {
		return fmt.Errorf("creating layer %s: %w", file, err)
	}
	defer out.Cleanup()
	buffered := bufio.NewWriterSize(out, 1<<20)
	w := tar.NewWriter(buffered)
	for _, e := range entries {
		if err := writeEntry(w, e, time.Unix(epoch, 0).UTC()); err != nil {
			return fmt.Errorf("writing %s to layer %s: %w", e.Path, file, err)
		}
	}
	if err := errors.Join(w.Close(), buffered.Flush()); err != nil {
		return fmt.Errorf("writing layer %s: %w", file, err)
	}
	return out.CloseAtomicallyReplace()
}

func writeEntry(w *tar.Writer, e Entry, when time.Time) error {
	h := &tar.Header{Name: e.Path, Mode: int64(e.Info.Mode().Perm()), ModTime: when, Format: tar.FormatPAX}
	if e.Info.Mode()&fs.ModeSetuid != 0 {
		h.Mode |= 0o4000
	}
	if e.Info.Mode()&fs.ModeSetgid != 0 && !e.Info.IsDir() {
		h.Mode |= 0o2000
	}
	if e.Info.Mode()&fs.ModeSticky != 0 {
		h.Mode |= 0o1000
	}
	switch {
	case e.Info.IsDir():
		h.Typeflag, h.Name = tar.TypeDir, e.Path+"/"
		return w.WriteHeader(h)
	case e.Info.Mode()&fs.ModeSymlink != 0:
		to, err := os.Readlink(e.File)
		if err != nil {
			return err
		}
		h.Typeflag, h.Linkname, h.Mode = tar.TypeSymlink, to, 0o777
		return w.WriteHeader(h)
	case e.Info.Mode().IsRegular():
		return writeFile(w, h, e.File)
	}
	return fmt.Errorf("unsupported file type %v", e.Info.Mode().Type())
}

func writeFile(w *tar.Writer, h *tar.Header, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	h.Typeflag, h.Size = tar.TypeReg, info.Size()
	if err := w.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.Copy(w, f)
	return err
}

// Extract unpacks a layer below dir. Entries that would leave dir are refused:
// every name is opened through an os.Root.
func Extract(file, dir string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	r := tar.NewReader(bufio.NewReaderSize(f, 1<<20))
	for {
		h, err := r.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading layer %s: %w", file, err)
		}
		if err := extractEntry(root, h, r); err != nil {
			return fmt.Errorf("extracting %s from layer %s: %w", h.Name, file, err)
		}
	}
}

func extractEntry(root *os.Root, h *tar.Header, r io.Reader) error {
	name := path.Clean(h.Name)
	if name == "." {
		return nil
	}
	if err := root.MkdirAll(path.Dir(name), 0o755); err != nil {
		return err
	}
	switch h.Typeflag {
	case tar.TypeDir:
		return root.MkdirAll(name, 0o755)
	case tar.TypeSymlink:
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return root.Symlink(h.Linkname, name)
	case tar.TypeReg:
		f, err := root.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, fs.FileMode(h.Mode).Perm())
		if err != nil {
			return err
		}
		_, err = io.Copy(f, r)
		return errors.Join(err, f.Close())
	}
	return fmt.Errorf("unsupported entry type %q", h.Typeflag)
}

package storetest

import (
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"syscall"

	"github.com/slipway-os/slipway/runtime/store"
)

// Mkdir implements store.FS.
func (f *FS) Mkdir(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := f.names[path]; n != nil && n.dir {
		if f.dark {
			return ErrPowerCut
		}
		return nil
	}
	if err := f.operate("mkdir", path); err != nil {
		return err
	}
	if err := f.inFolder("mkdir", path); err != nil {
		return err
	}
	if f.names[path] != nil {
		return &fs.PathError{Op: "mkdir", Path: path, Err: fs.ErrExist}
	}
	f.change(rename{path: {dir: true}})
	return nil
}

// Create implements store.FS.
func (f *FS) Create(path string) (store.File, error) { return f.open("create", path, 0) }

// Append implements store.FS.
func (f *FS) Append(path string, keep int64) (store.File, error) {
	return f.open("append", path, keep)
}

func (f *FS) open(op, path string, keep int64) (store.File, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.operate(op, path); err != nil {
		return nil, err
	}
	if err := f.inFolder(op, path); err != nil {
		return nil, err
	}
	if f.names[path] == nil {
		f.change(rename{path: {}})
	}
	n, err := f.file(op, path)
	if err != nil {
		return nil, err
	}
	if keep > int64(len(n.data)) {
		n.data = append(n.data, make([]byte, keep-int64(len(n.data)))...)
	}
	n.data = slices.Clone(n.data[:keep])
	return &file{f, path, n, f.power}, nil
}

type file struct {
	f     *FS
	path  string
	n     *node
	power int
}

// Write implements store.File.
func (w *file) Write(b []byte) (int, error) {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if w.power != w.f.power {
		return 0, ErrPowerCut
	}
	dark := w.f.dark
	if err := w.f.operate("write", w.path); err != nil {
		if dark {
			return 0, err
		}
		w.n.data = append(w.n.data, b[:len(b)/2]...)
		return len(b) / 2, err
	}
	if room := w.f.Free - w.f.used(); w.f.Full && int64(len(b)) > room {
		fits := max(0, room)
		w.n.data = append(w.n.data, b[:fits]...)
		return int(fits), &fs.PathError{Op: "write", Path: w.path, Err: syscall.ENOSPC}
	}
	w.n.data = append(w.n.data, b...)
	return len(b), nil
}

func (f *FS) used() int64 {
	seen := map[*node]bool{}
	var sum int64
	for _, n := range f.names {
		if !seen[n] {
			sum += int64(len(n.data))
		}
		seen[n] = true
	}
	return sum
}

// Sync implements store.File.
func (w *file) Sync() error {
	w.f.mu.Lock()
	defer w.f.mu.Unlock()
	if w.power != w.f.power {
		return ErrPowerCut
	}
	if err := w.f.operate("sync", w.path); err != nil {
		return err
	}
	if !w.f.NoSync {
		w.n.durable = slices.Clone(w.n.data)
	}
	return nil
}

// Close implements store.File.
func (w *file) Close() error { return nil }

// Link implements store.FS.
func (f *FS) Link(old, new string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.operate("link", new); err != nil {
		return err
	}
	n := f.names[old]
	switch {
	case n == nil:
		return &fs.PathError{Op: "link", Path: old, Err: fs.ErrNotExist}
	case n.dir:
		return &fs.PathError{Op: "link", Path: old, Err: syscall.EPERM}
	case f.names[new] != nil:
		return &fs.PathError{Op: "link", Path: new, Err: fs.ErrExist}
	}
	if err := f.inFolder("link", new); err != nil {
		return err
	}
	f.change(rename{new: n})
	return nil
}

// Rename implements store.FS. Folders cannot be renamed.
func (f *FS) Rename(old, new string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.operate("rename", new); err != nil {
		return err
	}
	n, err := f.file("rename", old)
	if err != nil {
		return err
	}
	if err := f.inFolder("rename", new); err != nil {
		return err
	}
	f.change(rename{new: n, old: nil})
	return nil
}

// Remove implements store.FS.
func (f *FS) Remove(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.operate("remove", path); err != nil {
		return err
	}
	if _, err := f.file("remove", path); err != nil {
		return err
	}
	f.change(rename{path: nil})
	return nil
}

// SyncDir implements store.FS.
func (f *FS) SyncDir(path string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.operate("syncdir", path); err != nil {
		return err
	}
	if n := f.names[path]; n == nil || !n.dir {
		return &fs.PathError{Op: "syncdir", Path: path, Err: fs.ErrNotExist}
	}
	if f.NoSync {
		return nil
	}
	var left []rename
	for _, r := range f.unsynced {
		rest := rename{}
		for name, n := range r {
			if filepath.Dir(name) == path {
				rename{name: n}.apply(f.durable)
			} else {
				rest[name] = n
			}
		}
		if len(rest) > 0 {
			left = append(left, rest)
		}
	}
	f.unsynced = left
	return nil
}

// Clone is a file system of its own with the same content and no faults, as a
// restart without a power cut finds it.
func (f *FS) Clone() *FS {
	f.mu.Lock()
	defer f.mu.Unlock()
	c := New()
	c.NoSync, c.Full, c.Free = f.NoSync, f.Full, f.Free
	copies := map[*node]*node{nil: nil}
	copyOf := func(n *node) *node {
		if _, ok := copies[n]; !ok {
			copies[n] = &node{n.dir, slices.Clone(n.data), slices.Clone(n.durable)}
		}
		return copies[n]
	}
	copyAll := func(from map[string]*node) map[string]*node {
		to := maps.Clone(from)
		for path, n := range from {
			to[path] = copyOf(n)
		}
		return to
	}
	c.names, c.durable = copyAll(f.names), copyAll(f.durable)
	for _, r := range f.unsynced {
		c.unsynced = append(c.unsynced, copyAll(r))
	}
	return c
}

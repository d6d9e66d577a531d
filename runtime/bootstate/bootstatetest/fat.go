package bootstatetest

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// FAT is an esp.FS in memory with one folder. A rename changes three things,
// the new name, what it stands for, and the old name, and a power cut before
// SyncDir leaves any of them: both names, one with nothing behind it, or none.
type FAT struct {
	// NoSync makes Sync do nothing, NoSyncDir the same for SyncDir.
	NoSync, NoSyncDir bool
	// Room is what Free answers.
	Room int64

	power   *Power
	names   map[string]*file // what programs see
	durable map[string]*file // what a power cut leaves at least
	pending []change
}

type file struct{ data, durable []byte }

// A change of a name is durable or not, whatever becomes of the others.
type change struct {
	name string
	file *file // nil: the name is gone
}

func (c change) apply(names map[string]*file) {
	if names[c.name] = c.file; c.file == nil {
		delete(names, c.name)
	}
}

// NewFAT is an empty folder.
func NewFAT(p *Power) *FAT {
	return &FAT{Room: 1 << 30, power: p, names: map[string]*file{}, durable: map[string]*file{}}
}

func (f *FAT) change(cs ...change) {
	for _, c := range cs {
		c.apply(f.names)
		f.pending = append(f.pending, c)
	}
}

func missing(op, path string) error { return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist} }

// do counts an operation. One in which the power is cut is under way: what it
// changes is pending.
func (f *FAT) do(change func()) error {
	if !f.power.on("esp", change) {
		return storetest.ErrPowerCut
	}
	change()
	return nil
}

// ReadDir implements esp.FS.
func (f *FAT) ReadDir(string) ([]string, error) {
	if f.power.Dark {
		return nil, storetest.ErrPowerCut
	}
	return slices.Sorted(maps.Keys(f.names)), nil
}

// Open implements esp.FS.
func (f *FAT) Open(path string) (esp.Image, error) {
	if f.power.Dark {
		return nil, storetest.ErrPowerCut
	}
	n := f.names[filepath.Base(path)]
	if n == nil {
		return nil, missing("open", path)
	}
	return image{bytes.NewReader(n.data)}, nil
}

type image struct{ *bytes.Reader }

// Close implements esp.Image.
func (image) Close() error { return nil }

// Create implements esp.FS.
func (f *FAT) Create(path string) (store.File, error) {
	n := &file{}
	err := f.do(func() { f.change(change{filepath.Base(path), n}) })
	return &handle{f, n}, err
}

type handle struct {
	f *FAT
	n *file
}

// Write implements store.File. An image is written in two halves.
func (h *handle) Write(b []byte) (int, error) {
	for _, part := range [][]byte{b[:len(b)/2], b[len(b)/2:]} {
		if err := h.f.do(func() { h.n.data = append(slices.Clip(h.n.data), part...) }); err != nil {
			return 0, err
		}
	}
	return len(b), nil
}

// Sync implements store.File.
func (h *handle) Sync() error {
	if !h.f.power.on("esp", func() {}) {
		return storetest.ErrPowerCut
	}
	if !h.f.NoSync {
		h.n.durable = h.n.data
	}
	return nil
}

// Close implements store.File.
func (h *handle) Close() error { return nil }

// Rename implements esp.FS.
func (f *FAT) Rename(old, new string) error {
	from, to := filepath.Base(old), filepath.Base(new)
	n := f.names[from]
	if n == nil {
		return missing("rename", old)
	}
	return f.do(func() { f.change(change{to, &file{}}, change{to, n}, change{from, nil}) })
}

// Remove implements esp.FS. A second name of the same blocks is worth nothing
// afterwards.
func (f *FAT) Remove(path string) error {
	name := filepath.Base(path)
	n := f.names[name]
	if n == nil {
		return missing("remove", path)
	}
	return f.do(func() {
		f.change(change{name, nil})
		for other, o := range f.names {
			if o == n {
				f.change(change{other, &file{data: []byte("lost"), durable: []byte("lost")}})
			}
		}
	})
}

// SyncDir implements esp.FS.
func (f *FAT) SyncDir(string) error {
	if !f.power.on("esp", func() {}) {
		return storetest.ErrPowerCut
	}
	if !f.NoSyncDir {
		f.settle(^uint(0))
	}
	return nil
}

// settle makes those pending changes durable whose bits are set.
func (f *FAT) settle(mask uint) {
	for i, c := range f.pending {
		if mask>>i&1 == 1 {
			c.apply(f.durable)
		}
	}
	f.pending = nil
}

// Free implements esp.FS.
func (f *FAT) Free(string) (int64, error) { return f.Room, nil }

// Pending is how many changes a power cut may leave or not.
func (f *FAT) Pending() int { return len(f.pending) }

// Restart is what a power cut leaves: the pending changes whose bits are set,
// and of what is written and not synced nothing, half, or all.
func (f *FAT) Restart(mask uint, data storetest.Part) {
	f.settle(mask)
	for _, n := range f.durable {
		switch data {
		case storetest.None:
			n.data = n.durable
		case storetest.Half:
			n.data = n.data[:(len(n.durable)+len(n.data))/2]
		}
		n.durable = n.data
	}
	f.names = maps.Clone(f.durable)
}

// Put puts a file there behind the program's back.
func (f *FAT) Put(name string, data []byte) {
	n := &file{data, data}
	f.names[name], f.durable[name] = n, n
}

// Link gives a file a second name, as a torn rename does.
func (f *FAT) Link(old, new string) error {
	if f.names[old] == nil {
		return missing("link", old)
	}
	f.names[new], f.durable[new] = f.names[old], f.names[old]
	return nil
}

// Names are the files there are, with their sizes.
func (f *FAT) Names() []string {
	var list []string
	for _, name := range slices.Sorted(maps.Keys(f.names)) {
		if n := f.names[name]; len(n.data) < 64 {
			name += fmt.Sprintf(" (%d bytes)", len(n.data))
		}
		list = append(list, name)
	}
	return list
}

// clone is the same on another power.
func (f *FAT) clone(p *Power) *FAT {
	c := *f
	c.power = p
	copies := map[*file]*file{nil: nil}
	copyOf := func(n *file) *file {
		if _, ok := copies[n]; !ok {
			copies[n] = &file{n.data, n.durable}
		}
		return copies[n]
	}
	c.names, c.durable, c.pending = map[string]*file{}, map[string]*file{}, nil
	for name, n := range f.names {
		c.names[name] = copyOf(n)
	}
	for name, n := range f.durable {
		c.durable[name] = copyOf(n)
	}
	for _, p := range f.pending {
		c.pending = append(c.pending, change{p.name, copyOf(p.file)})
	}
	return &c
}

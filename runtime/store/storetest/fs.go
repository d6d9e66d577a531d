// Package storetest has what tests of settings need: a file system in memory
// that fails and loses power when it is told to, and a check of migrations.
package storetest

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/slipway-os/slipway/runtime/store"
)

// ErrPowerCut is what everything answers between a power cut and Restart.
var ErrPowerCut = errors.New("the power is cut")

// A Survival says what of that which was not synced a power cut spares. File
// systems promise nothing, so a program has to do with each.
type Survival struct {
	Names Part // changes of names in folders
	Data  Part // of each file, what was written since its Sync
}

// A Part is how much survives.
type Part string

// Parts. A file's data is half there where it is torn; of names, Last is a file
// system that reorders them.
const (
	None Part = "none"
	Half Part = "half" // the first half
	Last Part = "last" // the last change of names alone; for data, as None
	All  Part = "all"
)

// Survivals is all of them.
func Survivals() []Survival {
	var all []Survival
	for _, names := range []Part{None, Half, Last, All} {
		for _, data := range []Part{None, Half, All} {
			all = append(all, Survival{names, data})
		}
	}
	return all
}

// FS is a store.FS in memory with the folders / and /var. It keeps apart what
// is written and what is durable, and counts what changes it as operations:
// Mkdir, Create, Append, Write, Sync, Link, Rename, Remove, SyncDir.
type FS struct {
	// NoSync makes Sync and SyncDir do nothing: what a test does not notice
	// with it, it would not notice in the program either.
	NoSync bool
	// Free is the room in bytes for all files together, if Full.
	Full bool
	Free int64

	mu       sync.Mutex
	names    map[string]*node // what programs see
	durable  map[string]*node // what a power cut leaves at least
	unsynced []rename
	locks    map[string]bool
	power    int // how often the power was cut: locks and files of before are void
	dark     bool
	ops      int
	faults   map[int]error
	forever  error // from an operation on
	since    int
	reads    map[string]error
}

// A node is a file, or a folder.
type node struct {
	dir           bool
	data, durable []byte
}

// A rename is a change of names: each is set, or removed where nil.
type rename map[string]*node

// New is an empty file system.
func New() *FS {
	f := &FS{locks: map[string]bool{}, faults: map[int]error{}, reads: map[string]error{}}
	f.names = map[string]*node{"/": {dir: true}, "/var": {dir: true}}
	f.durable = maps.Clone(f.names)
	return f
}

// Ops is how many operations there were since New or Restart.
func (f *FS) Ops() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.ops
}

// CutAt cuts the power at the n-th operation from now, counted from 1. That is
// not carried out, except for a Write, which is in part.
func (f *FS) CutAt(n int) { f.FailAt(n, ErrPowerCut) }

// FailAt lets the n-th operation from now fail; a Write is carried out in part.
func (f *FS) FailAt(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults[f.ops+n] = err
}

// FailFrom lets all operations fail from the n-th from now on, until Repair.
func (f *FS) FailFrom(n int, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.since, f.forever = f.ops+n, err
}

// FailRead lets ReadFile fail for a path, until Repair.
func (f *FS) FailRead(path string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.reads[path] = err
}

// Repair takes all faults back.
func (f *FS) Repair() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults, f.reads, f.forever, f.Full = map[int]error{}, map[string]error{}, nil, false
}

// Restart cuts the power, if it is not cut yet, and gives it back: what was not
// synced is gone but for what s spares, and so are locks and open files.
func (f *FS) Restart(s Survival) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch n := len(f.unsynced); s.Names {
	case None:
		f.unsynced = nil
	case Half:
		f.unsynced = f.unsynced[:n/2]
	case Last:
		f.unsynced = f.unsynced[max(0, n-1):]
	}
	for _, r := range f.unsynced {
		r.apply(f.durable)
	}
	f.dropOrphans()
	for _, n := range f.durable {
		n.lose(s.Data)
	}
	f.names, f.unsynced = maps.Clone(f.durable), nil
	f.locks, f.faults, f.forever = map[string]bool{}, map[int]error{}, nil
	f.dark, f.ops = false, 0
	f.power++
}

func (r rename) apply(names map[string]*node) {
	for path, n := range r {
		if n == nil {
			delete(names, path)
		} else {
			names[path] = n
		}
	}
}

// dropOrphans drops what lies in folders that did not survive.
func (f *FS) dropOrphans() {
	for _, path := range slices.Sorted(maps.Keys(f.durable)) {
		if parent := f.durable[filepath.Dir(path)]; parent == nil || !parent.dir {
			delete(f.durable, path)
		}
	}
}

func (n *node) lose(data Part) {
	switch data {
	case All:
		n.durable = n.data
	case Half: // what is longer was grown in part, what is not was overwritten in part
		kept := n.data[:(len(n.data)+common(n.data, n.durable))/2]
		n.durable = kept
	}
	n.data = slices.Clone(n.durable)
}

func common(a, b []byte) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// Files is all files and what programs read in them.
func (f *FS) Files() map[string]string {
	f.mu.Lock()
	defer f.mu.Unlock()
	files := map[string]string{}
	for path, n := range f.names {
		if !n.dir {
			files[path] = string(n.data)
		}
	}
	return files
}

// Put makes a durable file behind the program's back, or replaces it.
func (f *FS) Put(path, content string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for dir := filepath.Dir(path); f.names[dir] == nil; dir = filepath.Dir(dir) {
		f.names[dir] = &node{dir: true}
		f.durable[dir] = f.names[dir]
	}
	n := &node{data: []byte(content), durable: []byte(content)}
	f.names[path], f.durable[path] = n, n
}

// Delete removes a file behind the program's back.
func (f *FS) Delete(path string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.names, path)
	delete(f.durable, path)
}

// operate counts an operation and says whether it may be carried out. The
// caller holds mu.
func (f *FS) operate(op, path string) error {
	if f.dark {
		return ErrPowerCut
	}
	f.ops++
	err := f.faults[f.ops]
	if err == nil && f.forever != nil && f.ops >= f.since {
		err = f.forever
	}
	if err == nil {
		return nil
	}
	f.dark = errors.Is(err, ErrPowerCut)
	return &fs.PathError{Op: op, Path: path, Err: err}
}

// change changes names, durably at the next SyncDir.
func (f *FS) change(r rename) {
	r.apply(f.names)
	f.unsynced = append(f.unsynced, r)
}

func (f *FS) inFolder(op, path string) error {
	if dir := f.names[filepath.Dir(path)]; dir == nil || !dir.dir {
		return &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
	}
	return nil
}

func (f *FS) file(op, path string) (*node, error) {
	n := f.names[path]
	if n == nil {
		return nil, &fs.PathError{Op: op, Path: path, Err: fs.ErrNotExist}
	}
	if n.dir {
		return nil, &fs.PathError{Op: op, Path: path, Err: errors.New("is a directory")}
	}
	return n, nil
}

// Lock implements store.FS.
func (f *FS) Lock(path string) (io.Closer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dark {
		return nil, ErrPowerCut
	}
	if err := f.inFolder("lock", path); err != nil {
		return nil, err
	}
	if f.locks[path] {
		return nil, fmt.Errorf("locking %s: %w", path, store.ErrLocked)
	}
	f.locks[path] = true
	return &lock{f, path, f.power}, nil
}

type lock struct {
	f     *FS
	path  string
	power int
}

// Close gives the lock back.
func (l *lock) Close() error {
	l.f.mu.Lock()
	defer l.f.mu.Unlock()
	if l.power == l.f.power {
		delete(l.f.locks, l.path)
	}
	return nil
}

// ReadDir implements store.FS.
func (f *FS) ReadDir(path string) ([]string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dark {
		return nil, ErrPowerCut
	}
	if n := f.names[path]; n == nil || !n.dir {
		return nil, &fs.PathError{Op: "readdir", Path: path, Err: fs.ErrNotExist}
	}
	var names []string
	for other := range f.names {
		if name, ok := strings.CutPrefix(other, path+"/"); ok && !strings.Contains(name, "/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

// ReadFile implements store.FS.
func (f *FS) ReadFile(path string, limit int64) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.dark {
		return nil, ErrPowerCut
	}
	if err := f.reads[path]; err != nil {
		return nil, &fs.PathError{Op: "read", Path: path, Err: err}
	}
	n, err := f.file("read", path)
	if err != nil {
		return nil, err
	}
	if int64(len(n.data)) > limit {
		return nil, fmt.Errorf("reading %s: %w", path, store.ErrTooLarge)
	}
	return slices.Clone(n.data), nil
}

package esp

import (
	"encoding/binary"
	"fmt"
	"io"
	"path"
	"unicode/utf16"
)

// Limits on what is read from a volume.
const (
	maxDepth   = 16
	maxEntries = 65536
)

const (
	attrVolume = 0x08
	attrDir    = 0x10
	attrLong   = 0x0f
)

// File is a file or folder of a volume.
type File struct {
	Path     string // with slashes and no leading one
	Size     int64
	Dir      bool
	clusters []uint32
	vol      *Volume
}

// tree is everything that a walk finds.
type tree struct {
	files   []File
	entries []int64 // offsets of all short entries in use
	dots    []dot   // "." and ".." entries that lead astray
	taken   map[uint32]string
	errs    []error
}

// dot is a "." or ".." entry at the offset at that does not hold the cluster
// that it should.
type dot struct {
	at   int64
	want uint32
	err  error
}

// Files returns all files and folders, in the order of the disk. Where the
// volume is damaged it returns what could be read, and an error.
func (v *Volume) Files() ([]File, error) {
	t, err := v.walk()
	if t == nil {
		return nil, err
	}
	return t.files, err
}

// walk reads all directories. It returns the first error, after having read
// what it can.
func (v *Volume) walk() (*tree, error) {
	t := &tree{taken: map[uint32]string{}}
	v.walkDir(t, "", v.root, v.root, 0)
	if len(t.errs) > 0 {
		return t, t.errs[0]
	}
	return t, nil
}

func (v *Volume) walkDir(t *tree, dir string, first, parent uint32, depth int) {
	list, err := v.chain(first, t.taken, "folder /"+dir)
	if err != nil {
		t.errs = append(t.errs, err)
	}
	if depth > maxDepth {
		t.errs = append(t.errs, fmt.Errorf("folder /%s is nested too deeply", dir))
		return
	}
	var long longName
	buf := make([]byte, v.cluster)
	for _, c := range list {
		if _, err := v.r.ReadAt(buf, v.offset(c)); err != nil {
			t.errs = append(t.errs, fmt.Errorf("reading folder /%s: %w", dir, err))
			return
		}
		for i := 0; i < len(buf); i += 32 {
			e := buf[i : i+32]
			if e[0] == 0 {
				return
			}
			if len(t.entries) >= maxEntries {
				t.errs = append(t.errs, fmt.Errorf("more than %d directory entries", maxEntries))
				return
			}
			at := v.offset(c) + int64(i)
			if e[0] == '.' && e[11] != attrLong {
				v.dotEntry(t, dir, e, at, first, parent)
			}
			v.entry(t, dir, e, at, first, &long, depth)
		}
	}
}

// entry handles one directory entry at the offset at.
func (v *Volume) entry(t *tree, dir string, e []byte, at int64, self uint32, long *longName, depth int) {
	switch {
	case e[0] == 0xe5:
		*long = longName{}
		return
	case e[11]&0x3f == attrLong:
		long.add(e)
		return
	}
	t.entries = append(t.entries, at)
	name := long.take(e[:11])
	if e[11]&attrVolume != 0 || e[0] == '.' {
		return
	}
	f := File{Path: path.Join(dir, name), Dir: e[11]&attrDir != 0, Size: int64(binary.LittleEndian.Uint32(e[28:])), vol: v}
	first := firstCluster(e)
	if f.Dir {
		t.files = append(t.files, f)
		v.walkDir(t, f.Path, first, self, depth+1)
		return
	}
	if first != 0 || f.Size != 0 {
		var err error
		if f.clusters, err = v.chain(first, t.taken, "file /"+f.Path); err != nil {
			t.errs = append(t.errs, err)
		} else if need := (f.Size + v.cluster - 1) / v.cluster; need != int64(len(f.clusters)) {
			t.errs = append(t.errs, fmt.Errorf("file /%s has %d bytes, but %d clusters of %d", f.Path, f.Size, len(f.clusters), v.cluster))
		}
	}
	t.files = append(t.files, f)
}

func firstCluster(e []byte) uint32 {
	le := binary.LittleEndian
	return uint32(le.Uint16(e[20:]))<<16 | uint32(le.Uint16(e[26:]))
}

// dotEntry checks a "." or ".." entry. The root folder counts as cluster 0.
func (v *Volume) dotEntry(t *tree, dir string, e []byte, at int64, self, parent uint32) {
	want, name := self, "."
	if e[1] == '.' {
		want, name = parent, ".."
		if parent == v.root {
			want = 0
		}
	}
	if is := firstCluster(e); is != want {
		err := fmt.Errorf("folder /%s: entry %q leads to cluster %d, want %d", dir, name, is, want)
		t.dots = append(t.dots, dot{at, want, err})
	}
}

// Content returns the file's bytes.
func (f File) Content() ([]byte, error) {
	if f.Size > int64(len(f.clusters))*f.vol.cluster {
		return nil, fmt.Errorf("reading /%s: %w", f.Path, io.ErrUnexpectedEOF)
	}
	out := make([]byte, 0, int64(len(f.clusters))*f.vol.cluster)
	for i := 0; i < len(f.clusters); {
		run := f.run(i)
		b := out[len(out) : len(out)+run*int(f.vol.cluster)]
		if _, err := f.vol.r.ReadAt(b, f.vol.offset(f.clusters[i])); err != nil {
			return nil, fmt.Errorf("reading /%s: %w", f.Path, err)
		}
		out, i = out[:len(out)+len(b)], i+run
	}
	return out[:f.Size], nil
}

// run returns how many clusters from the i-th on lie one after the other.
func (f File) run(i int) int {
	n := 1
	for i+n < len(f.clusters) && f.clusters[i+n] == f.clusters[i]+uint32(n) {
		n++
	}
	return n
}

// Offset returns where byte off of the file lies, in bytes from the start of
// the partition.
func (f File) Offset(off int64) int64 {
	i := off / f.vol.cluster
	if off < 0 || i >= int64(len(f.clusters)) {
		return 0
	}
	return f.vol.offset(f.clusters[i]) + off%f.vol.cluster
}

// longName gathers the parts of a long file name, which come last part first.
type longName struct {
	units []uint16
	sum   byte
}

func (l *longName) add(e []byte) {
	if e[0]&0x40 != 0 {
		*l = longName{sum: e[13]}
	}
	if e[13] != l.sum || len(l.units) > 255 {
		*l = longName{}
		return
	}
	var part []uint16
	for _, r := range [][2]int{{1, 11}, {14, 26}, {28, 32}} {
		for i := r[0]; i < r[1]; i += 2 {
			part = append(part, binary.LittleEndian.Uint16(e[i:]))
		}
	}
	l.units = append(part, l.units...)
}

// take returns the long name if it belongs to the short one, else the short
// name, and forgets it.
func (l *longName) take(short []byte) string {
	units, sum := l.units, l.sum
	*l = longName{}
	if len(units) > 0 && sum == shortSum(short) {
		for i, u := range units {
			if u == 0 {
				units = units[:i]
				break
			}
		}
		return string(utf16.Decode(units))
	}
	name, ext := trim(short[:8]), trim(short[8:])
	if ext != "" {
		name += "." + ext
	}
	return name
}

func trim(b []byte) string {
	n := len(b)
	for n > 0 && b[n-1] == ' ' {
		n--
	}
	return string(b[:n])
}

// shortSum is the checksum that ties long entries to their short one.
func shortSum(short []byte) byte {
	var s byte
	for _, c := range short {
		s = s>>1 | s<<7
		s += c
	}
	return s
}

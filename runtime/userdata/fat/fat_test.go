package fat

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/diskfs/go-diskfs/backend/file"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/filesystem/fat12"
	"github.com/diskfs/go-diskfs/filesystem/fat16"
	"github.com/diskfs/go-diskfs/filesystem/fat32"

	"github.com/slipway-os/slipway/runtime/userdata/seedtest"
)

const (
	userData = "[settings]\nmotd = \"hi\"\n"
	limit    = 1 << 20
)

// image has go-diskfs make a file system with a few files.
func image(t testing.TB, bits int, size int64) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "seed.img")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	var w filesystem.FileSystem
	b := file.New(f, false)
	switch bits {
	case 12:
		w, err = fat12.Create(b, size, 0, 512, "CIDATA", true)
	case 16:
		w, err = fat16.Create(b, size, 0, 512, "CIDATA", true)
	case 32:
		w, err = fat32.Create(b, size, 0, 512, "CIDATA", true)
	}
	if err != nil {
		t.Fatal(err)
	}
	fill(t, w)
	image, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func fill(t testing.TB, w filesystem.FileSystem) {
	t.Helper()
	if err := w.Mkdir("/openstack/latest"); err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"/user-data": userData, "/openstack/latest/user_data": strings.Repeat("0123456789", 5000),
	} {
		o, err := w.OpenFile(name, os.O_CREATE|os.O_RDWR)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Write([]byte(content)); err != nil {
			t.Fatal(err)
		}
		if err := o.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, b []byte) *FS {
	t.Helper()
	f, err := Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadFile(t *testing.T) {
	for bits, size := range map[int]int64{12: 1 << 20, 16: 8 << 20, 32: 34 << 20} {
		t.Run(fmt.Sprint("FAT", bits), func(t *testing.T) {
			f := open(t, image(t, bits, size))
			if f.bits != bits {
				t.Errorf("taken for FAT%d", f.bits)
			}
			if got := f.Label(); got != "CIDATA" {
				t.Errorf("Label = %q", got)
			}
			for path, want := range map[string]string{
				"user-data": userData, "User-Data": userData,
				"openstack/latest/user_data": strings.Repeat("0123456789", 5000),
			} {
				if got, err := f.ReadFile(path, limit); err != nil || string(got) != want {
					t.Errorf("ReadFile(%s) = %.40q, %v", path, got, err)
				}
			}
			for _, path := range []string{"nothing", "openstack/nothing", "user-data/below", "", "CIDATA"} {
				if got, err := f.ReadFile(path, limit); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("ReadFile(%q) = %.40q, %v, want that it does not exist", path, got, err)
				}
			}
			if _, err := f.ReadFile("openstack", limit); err == nil || !strings.Contains(err.Error(), "is a directory") {
				t.Errorf("ReadFile of a directory = %v", err)
			}
			if _, err := f.ReadFile("user-data", 3); err == nil || !strings.Contains(err.Error(), "more than 3") {
				t.Errorf("ReadFile of a large file = %v", err)
			}
		})
	}
}

// TestReadFileInPieces reads what mtools left in pieces.
func TestReadFileInPieces(t *testing.T) {
	for _, bits := range []int{12, 16, 32} {
		f := open(t, seedtest.Image(t, fmt.Sprintf("cidata-fat%d.img", bits)))
		if got, err := f.ReadFile("user-data", limit); err != nil || string(got) != seedtest.UserData() {
			t.Errorf("FAT%d: ReadFile = %.40q, %v", bits, got, err)
		}
	}
}

func TestOpenOfOtherThings(t *testing.T) {
	ext4 := make([]byte, 4096)
	copy(ext4[1080:], "\x53\xef")
	mbr := make([]byte, 4096)
	copy(mbr, "\xeb\x63\x90")
	copy(mbr[510:], "\x55\xaa")
	for name, b := range map[string][]byte{"nothing": nil, "zeros": make([]byte, 4096), "ext4": ext4, "a boot sector": mbr} {
		if _, err := Open(bytes.NewReader(b)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: Open = %v, want ErrFormat", name, err)
		}
	}
}

// entryOf finds the short entry of user-data.
func entryOf(t *testing.T, b []byte) []byte {
	t.Helper()
	at := bytes.Index(b, []byte("USER-D~1"))
	if at < 0 {
		t.Fatal("the image has no USER-D~1")
	}
	return b[at : at+entrySize]
}

func TestReadFileOfBrokenImages(t *testing.T) {
	for _, tc := range []struct {
		name  string
		spoil func(f *FS, b []byte) []byte
		want  string
	}{
		{"no clusters", func(_ *FS, b []byte) []byte { b[19], b[20], b[32] = 1, 0, 0; return b }, "do not fit"},
		{"cluster beyond the end", func(_ *FS, b []byte) []byte {
			binary.LittleEndian.PutUint16(entryOf(t, b)[26:], 0xfff0)
			return b
		}, "outside the disk"},
		{"cluster 0", func(_ *FS, b []byte) []byte {
			binary.LittleEndian.PutUint16(entryOf(t, b)[26:], 0)
			return b
		}, "outside the disk"},
		{"size beyond the chain", func(_ *FS, b []byte) []byte {
			binary.LittleEndian.PutUint32(entryOf(t, b)[28:], 100000)
			return b
		}, "too short"},
		{"huge size", func(_ *FS, b []byte) []byte {
			binary.LittleEndian.PutUint32(entryOf(t, b)[28:], 1<<31)
			return b
		}, "more than 1048576"},
		{"free cluster", func(f *FS, b []byte) []byte {
			at := binary.LittleEndian.Uint16(entryOf(t, b)[26:])
			binary.LittleEndian.PutUint32(entryOf(t, b)[28:], 100000)
			binary.LittleEndian.PutUint16(b[f.table+2*int64(at):], 0)
			return b
		}, "free in the table"},
		{"endless file", func(f *FS, b []byte) []byte { // it ends with its size
			at := binary.LittleEndian.Uint16(entryOf(t, b)[26:])
			binary.LittleEndian.PutUint16(b[f.table+2*int64(at):], at)
			binary.LittleEndian.PutUint32(entryOf(t, b)[28:], 1<<20)
			return b
		}, ""},
		{"endless directory", func(f *FS, b []byte) []byte {
			e := b[bytes.Index(b, []byte("OPENST~1")):]
			at := binary.LittleEndian.Uint16(e[26:])
			binary.LittleEndian.PutUint16(b[f.table+2*int64(at):], at)
			return b
		}, "more than 1048576 bytes"},
		{"cut off", func(f *FS, b []byte) []byte { return b[:f.data] }, "unexpected EOF"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			b := image(t, 16, 8<<20)
			b = tc.spoil(open(t, b), b)
			f, err := Open(bytes.NewReader(b))
			if err == nil {
				_, err = f.ReadFile("openstack/latest/user_data", limit)
			}
			if err == nil {
				_, err = f.ReadFile("user-data", limit)
			}
			switch {
			case tc.want == "" && err != nil:
				t.Errorf("error %v, want none", err)
			case tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)):
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// TestLongNames: a long name counts only if all its parts are there and belong
// to the short one.
func TestLongNames(t *testing.T) {
	f := open(t, image(t, 16, 8<<20))
	dir, err := f.rootDirectory()
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(dir, []byte("USER-D~1"))
	if e, ok := find(dir, "user-data"); !ok || e.size != uint32(len(userData)) {
		t.Fatalf("find = %+v, %t", e, ok)
	}
	for name, spoil := range map[string]func(b []byte){
		"checksum": func(b []byte) { b[at-entrySize+13]++ },
		"number":   func(b []byte) { b[at-entrySize] = lastPart | 2 },
		"deleted":  func(b []byte) { b[at-entrySize] = markDeleted },
		"short":    func(b []byte) { b[at] = 'X' },
	} {
		b := bytes.Clone(dir)
		spoil(b)
		if e, ok := find(b, "user-data"); ok {
			t.Errorf("%s: find = %+v, want nothing", name, e)
		}
	}
	if e, ok := find(dir, "user-d~1"); !ok || e.long != "user-data" {
		t.Errorf("find by the short name = %+v, %t", e, ok)
	}
}

// FuzzReadFile spoils good images. No panic, no file larger than its bound.
func FuzzReadFile(f *testing.F) {
	good := map[int][]byte{12: image(f, 12, 256<<10), 16: image(f, 16, 5<<20), 32: image(f, 32, 34<<20)[:2<<20]}
	f.Add(uint8(0), uint32(11), []byte{0, 2, 1})
	f.Add(uint8(1), uint32(512), []byte{0xf8, 0xff, 0xff, 0xff, 2, 0, 3, 0})
	f.Add(uint8(2), uint32(36), []byte{0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, which uint8, at uint32, change []byte) {
		b := bytes.Clone(good[[]int{12, 16, 32}[which%3]])
		copy(b[min(int(at), len(b)):], change)
		fs, err := Open(bytes.NewReader(b))
		if err != nil {
			return
		}
		for _, path := range []string{"user-data", "openstack/latest/user_data"} {
			if got, err := fs.ReadFile(path, 4096); err == nil && len(got) > 4096 {
				t.Errorf("ReadFile = %d bytes", len(got))
			}
		}
	})
}

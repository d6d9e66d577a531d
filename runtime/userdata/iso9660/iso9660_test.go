package iso9660

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/userdata/seedtest"
)

const limit = 1 << 20

func open(t testing.TB, b []byte) *FS {
	t.Helper()
	f, err := Open(bytes.NewReader(b))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func TestReadFile(t *testing.T) {
	for _, name := range []string{"cidata-rr-joliet.iso", "cidata-joliet.iso"} {
		f := open(t, seedtest.Image(t, name))
		if got := f.Label(); !strings.EqualFold(got, "cidata") {
			t.Errorf("%s: Label = %q", name, got)
		}
		for _, path := range []string{"user-data", "USER-data"} {
			if got, err := f.ReadFile(path, limit); err != nil || string(got) != seedtest.UserData() {
				t.Errorf("%s: ReadFile(%s) = %.40q, %v", name, path, got, err)
			}
		}
		for _, path := range []string{"nothing", "user-data/below", "", "."} {
			if got, err := f.ReadFile(path, limit); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%s: ReadFile(%q) = %q, %v, want that it does not exist", name, path, got, err)
			}
		}
		if _, err := f.ReadFile("user-data", 3); err == nil || !strings.Contains(err.Error(), "more than 3") {
			t.Errorf("%s: ReadFile of a large file = %v", name, err)
		}
	}
}

func TestReadFileBelowDirectories(t *testing.T) {
	for _, name := range []string{"config-2-rr.iso", "config-2-xorriso.iso"} {
		f := open(t, seedtest.Image(t, name))
		if got, err := f.ReadFile("openstack/latest/user_data", limit); err != nil || string(got) != seedtest.DriveUserData {
			t.Errorf("%s: ReadFile = %q, %v", name, got, err)
		}
		if _, err := f.ReadFile("openstack", limit); err == nil || !strings.Contains(err.Error(), "is a directory") {
			t.Errorf("%s: ReadFile of a directory = %v", name, err)
		}
	}
}

// TestReadFileByPlainNames: without Rock Ridge and Joliet, names are short.
func TestReadFileByPlainNames(t *testing.T) {
	f := open(t, seedtest.Image(t, "cidata-plain.iso"))
	if got, err := f.ReadFile("user_dat", limit); err != nil || string(got) != seedtest.UserData() {
		t.Errorf("ReadFile = %.40q, %v", got, err)
	}
}

func TestOpenOfOtherThings(t *testing.T) {
	for name, b := range map[string][]byte{
		"nothing": nil, "short": make([]byte, 16*sectorSize), "zeros": make([]byte, 64*sectorSize),
		"only a terminator": append(make([]byte, 16*sectorSize), append([]byte("\xffCD001\x01"), make([]byte, sectorSize)...)...),
	} {
		if _, err := Open(bytes.NewReader(b)); !errors.Is(err, ErrFormat) {
			t.Errorf("%s: Open = %v, want ErrFormat", name, err)
		}
	}
}

func TestOpenOfBrokenImages(t *testing.T) {
	const primary = firstSector * sectorSize
	for _, tc := range []struct {
		name  string
		spoil func([]byte) []byte
		want  string
	}{
		{"block size", func(b []byte) []byte { b[primary+129] = 2; return b }, "blocks of 512 bytes"},
		{"root record", func(b []byte) []byte { b[primary+rootRecord] = 7; return b }, "impossible length"},
		{"root name", func(b []byte) []byte { b[primary+rootRecord+32] = 200; return b }, "longer than the record"},
		{"cut in the descriptors", func(b []byte) []byte { return b[:primary+sectorSize] }, "unexpected EOF"},
		{"root beyond the end", func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[primary+rootRecord+2:], 1<<31)
			return b
		}, "unexpected EOF"},
		{"huge root", func(b []byte) []byte {
			binary.LittleEndian.PutUint32(b[primary+rootRecord+10:], 1<<31)
			return b
		}, "more than 1048576"},
		{"root in extents", func(b []byte) []byte { b[primary+rootRecord+25] |= flagMultiExtent; return b }, "several extents"},
		{"root is a file", func(b []byte) []byte { b[primary+rootRecord+25] = 0; return b }, "not exist"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, err := Open(bytes.NewReader(tc.spoil(seedtest.Image(t, "config-2-rr.iso"))))
			if err == nil {
				_, err = f.ReadFile("openstack/latest/user_data", limit)
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// TestContinuation: a long Rock Ridge name goes on in another area.
func TestContinuation(t *testing.T) {
	area := make([]byte, 2*sectorSize)
	copy(area[sectorSize+8:], "NM\x09\x01\x00data")
	f := &FS{r: bytes.NewReader(area)}
	ce := make([]byte, 28)
	copy(ce, "CE\x1c\x01")
	binary.LittleEndian.PutUint32(ce[4:], 1)
	binary.LittleEndian.PutUint32(ce[12:], 8)
	binary.LittleEndian.PutUint32(ce[20:], 9)
	use := append([]byte("NM\x0a\x01\x01user-"), ce...)
	if got := f.rockRidge(use); got != "user-data" {
		t.Errorf("name = %q, want user-data", got)
	}
	binary.LittleEndian.PutUint32(ce[4:], 1<<31)
	if got := f.rockRidge(append([]byte("NM\x0a\x01\x01user-"), ce...)); got != "user-" {
		t.Errorf("name = %q, want what there is of it", got)
	}
	loop := make([]byte, 28)
	copy(loop, "CE\x1c\x01")
	binary.LittleEndian.PutUint32(loop[20:], 28)
	f.r = bytes.NewReader(loop)
	if got := f.rockRidge(loop); got != "" {
		t.Errorf("name = %q of an area that goes on in itself", got)
	}
}

// FuzzReadFile spoils a good image: the end of it or some bytes. No panic, no
// file larger than its bound.
func FuzzReadFile(f *testing.F) {
	good := seedtest.Image(f, "config-2-xorriso.iso")
	f.Add(uint32(16*sectorSize), []byte{1})
	f.Add(uint32(18*sectorSize), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(uint32(16*sectorSize+rootRecord), []byte{34, 0, 18, 0, 0, 0})
	f.Add(uint32(len(good)), []byte{})
	f.Fuzz(func(t *testing.T, at uint32, change []byte) {
		b := bytes.Clone(good)
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

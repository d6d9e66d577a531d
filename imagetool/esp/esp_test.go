package esp_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/esp"
	"github.com/slipway-os/slipway/imagetool/problem"
)

const size = 34 << 20

func files() []esp.Source {
	return []esp.Source{
		{Path: "EFI/BOOT/BOOTX64.EFI", Content: bytes.Repeat([]byte("boot"), 1000)},
		{Path: "EFI/systemd/systemd-bootx64.efi", Content: bytes.Repeat([]byte("boot"), 1000)},
		{Path: "loader/loader.conf", Content: []byte("timeout 0\n")},
		{Path: "EFI/Linux/slipway_0.1.0.efi", Content: bytes.Repeat([]byte{1, 2, 3}, 7000)},
	}
}

// create returns the bytes of a disk that has the partition at start.
func create(t testing.TB, start int64) []byte {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(start + size); err != nil {
		t.Fatal(err)
	}
	o := esp.Options{Start: start, Size: size, VolumeID: 0xbe228c16, Time: time.Unix(1760000000, 0)}
	if err := esp.Create(f, o, files()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return data[start:]
}

func TestFilesComeBack(t *testing.T) {
	data := create(t, 1<<20)
	v, err := esp.Open(bytes.NewReader(data), size)
	if err != nil {
		t.Fatal(err)
	}
	found, err := v.Files()
	if err != nil {
		t.Fatal(err)
	}
	got, want := map[string]string{}, map[string]string{}
	for _, f := range found {
		if f.Dir {
			continue
		}
		content, err := f.Content()
		if err != nil {
			t.Fatal(err)
		}
		got[f.Path] = string(content)
		if len(content) > 0 && data[f.Offset(f.Size-1)] != content[f.Size-1] {
			t.Errorf("/%s: last byte is not at %d", f.Path, f.Offset(f.Size-1))
		}
	}
	for _, s := range files() {
		want[s.Path] = string(s.Content)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-want +got):\n%s", diff)
	}
}

func TestCreateIsDeterministic(t *testing.T) {
	a := create(t, 1<<20)
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000") // read by go-diskfs; must not matter
	if !bytes.Equal(a, create(t, 1<<20)) {
		t.Error("two file systems with the same options differ")
	}
	if !bytes.Equal(a, create(t, 5<<20)) {
		t.Error("the place on the disk makes a difference")
	}
}

func TestCreateRefusesEmptyFiles(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(size); err != nil {
		t.Fatal(err)
	}
	if err := esp.Create(f, esp.Options{Size: size}, []esp.Source{{Path: "loader/empty"}}); err == nil {
		t.Error("no error for an empty file")
	}
}

func TestCheckFinds(t *testing.T) {
	good := create(t, 0)
	const fat = 32 * 512
	tests := []struct {
		name   string
		change func(b []byte)
		want   string
	}{
		{"good", func([]byte) {}, ""},
		{"signature", func(b []byte) { b[510] = 0 }, "no signature"},
		{"boot code", func(b []byte) { b[100] = 1 }, "differs from its copy"},
		{"cluster size", func(b []byte) { b[13] = 3 }, "sectors in a cluster"},
		{"sector size", func(b []byte) { b[11] = 1 }, "sectors have"},
		{"total size", func(b []byte) { b[35] = 0xff }, "the partition has"},
		{"FAT size", func(b []byte) { b[36], b[37] = 1, 0 }, "impossible"},
		{"FAT type", func(b []byte) { b[17] = 1 }, "FAT12 or FAT16"},
		{"number of FATs", func(b []byte) { b[16] = 1 }, "1 FATs"},
		{"place of FSInfo", func(b []byte) { b[48] = 9 }, "FSInfo and second boot sector"},
		{"FSInfo signature", func(b []byte) { b[512] = 0 }, "wrong signature"},
		{"FSInfo reserved", func(b []byte) { b[600] = 1 }, "reserved byte"},
		{"free count", func(b []byte) { b[512+488]++ }, "free clusters"},
		{"one FAT", func(b []byte) { b[fat+60] ^= 0x40 }, "the FAT differs"},
		{"loop", func(b []byte) { setFAT(b, 20, 20) }, "also belongs to"},
		{"chain out of the volume", func(b []byte) { setFAT(b, 20, 0x0ffffff0) }, "cluster chain leads to"},
		{"folder without parent", func(b []byte) { b[bytes.Index(b, []byte("..         "))+26] = 2 }, `".." leads to cluster 2, want 0`},
		{"lost cluster", func(b []byte) { setFAT(b, 60000, 0x0fffffff) }, "belongs to no file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := bytes.Clone(good)
			tt.change(b)
			_, problems := esp.Check(bytes.NewReader(b), size, problem.Area{Name: "ESP"})
			text := fmt.Sprint(problems)
			if tt.want == "" && len(problems) > 0 || !strings.Contains(text, tt.want) {
				t.Errorf("problems are %v, want %q", text, tt.want)
			}
		})
	}
}

// setFAT sets an entry in both FATs.
func setFAT(b []byte, cluster, value uint32) {
	sectors := int(b[36]) | int(b[37])<<8
	for n := range 2 {
		at := (32+n*sectors)*512 + int(cluster)*4
		b[at], b[at+1], b[at+2], b[at+3] = byte(value), byte(value>>8), byte(value>>16), byte(value>>24)
	}
}

func TestDirectoryLoopEnds(t *testing.T) {
	b := create(t, 0)
	// Let the folder loader be the root folder again.
	root := (32 + 2*(int(b[36])|int(b[37])<<8)) * 512
	i := bytes.Index(b[root:root+512], []byte("LOADER "))
	if i < 0 {
		t.Fatal("no folder loader")
	}
	b[root+i+26] = 2
	_, problems := esp.Check(bytes.NewReader(b), size, problem.Area{Name: "ESP"})
	if !strings.Contains(fmt.Sprint(problems), "also belongs to") {
		t.Errorf("problems are %v", problems)
	}
}

func FuzzCheck(f *testing.F) {
	good := create(f, 0)
	root := (32 + 2*(int(good[36])|int(good[37])<<8)) * 512
	f.Add(good[:1024], good[32*512:32*512+512], good[root:root+16384])
	f.Fuzz(func(t *testing.T, boot, fat, data []byte) {
		b := bytes.Clone(good[:root+len(data)])
		copy(b[:4096], boot)
		copy(b[32*512:], fat)
		copy(b[root:], data)
		v, _ := esp.Check(sparse(b), size, problem.Area{Name: "ESP"})
		if v == nil {
			return
		}
		list, _ := v.Files()
		for _, file := range list {
			content, err := file.Content()
			if err == nil && int64(len(content)) != file.Size {
				t.Errorf("/%s has %d bytes, want %d", file.Path, len(content), file.Size)
			}
			file.Offset(file.Size)
		}
	})
}

// sparse reads as its bytes, then zeros up to size.
type sparse []byte

func (s sparse) ReadAt(p []byte, off int64) (int, error) {
	clear(p)
	if off < int64(len(s)) {
		copy(p, s[off:])
	}
	return len(p), nil
}

package esp_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/bootstate/bootstatetest"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

var (
	v1 = bootstatetest.Version("1.0.0", "A", "")
	v2 = bootstatetest.Version("2.0.0", "B", "")
)

// On the real file system: what is put there is listed, renamed and removed.
func TestFolder(t *testing.T) {
	f := esp.Folder{FS: esp.OS, Dir: t.TempDir()}
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(f.Dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("slipway_1.0.0.efi", bootstatetest.Image(v1))
	write("slipway_3.0.0+2-1.efi", nil)
	write("readme.txt", []byte("x"))
	if err := f.Put("slipway_2.0.0.efi", bootstatetest.Image(v2)); err != nil {
		t.Fatal(err)
	}
	show := func() (list []string) {
		entries, err := f.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			line := e.File + " " + e.Release
			if e.Beside {
				line += " beside"
			}
			if e.Empty() {
				line += "empty"
			} else if e.Err != nil {
				line += e.Err.Error()
			}
			list = append(list, line)
		}
		return list
	}
	want := []string{"slipway_1.0.0.efi 1.0.0", "slipway_3.0.0+2-1.efi empty", "slipway_2.0.0.efi.new 2.0.0 beside"}
	if d := cmp.Diff(want, show()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := f.Rename("slipway_2.0.0.efi.new", "slipway_1.0.0.efi"); err == nil || !strings.Contains(err.Error(), "that name is taken") {
		t.Errorf("over another: %v", err)
	}
	if err := f.Rename("slipway_2.0.0.efi.new", "slipway_2.0.0+3-0.efi"); err != nil {
		t.Fatal(err)
	}
	if err := f.Remove("slipway_3.0.0+2-1.efi"); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"slipway_2.0.0+3-0.efi 2.0.0", "slipway_1.0.0.efi 1.0.0"}, show()); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if err := f.Remove("gone.efi"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("removing nothing: %v", err)
	}
}

func TestNoRoom(t *testing.T) {
	fat := bootstatetest.NewFAT(&bootstatetest.Power{})
	fat.Room = 1 << 20
	f := esp.Folder{FS: fat, Dir: "/esp"}
	if err := f.Put("a.efi", []byte("x")); !errors.Is(err, esp.ErrNoRoom) || len(fat.Names()) != 0 {
		t.Errorf("%v, %v", err, fat.Names())
	}
}

// lying is a file system that stores something else.
type lying struct{ *bootstatetest.FAT }

func (l lying) Open(path string) (esp.Image, error) {
	l.Put(filepath.Base(path), []byte("something else"))
	return l.FAT.Open(path)
}

func TestReadBack(t *testing.T) {
	fat := bootstatetest.NewFAT(&bootstatetest.Power{})
	f := esp.Folder{FS: lying{fat}, Dir: "/esp"}
	if err := f.Put("a.efi", []byte("x")); err == nil || !strings.Contains(err.Error(), "what was read back") || len(fat.Names()) != 0 {
		t.Errorf("%v, %v", err, fat.Names())
	}
}

func TestDescribe(t *testing.T) {
	name := sdboot.Name{ID: "slipway_1.0.0.efi"}
	image := bootstatetest.Image(v1)
	e, err := esp.Describe(name, bytes.NewReader(image), int64(len(image)))
	if err != nil || e.RootHash != v1.RootHash || e.Release != "1.0.0" || e.SortKey != "slipway" || e.Version != "1.0.0" {
		t.Errorf("%+v, %v", e, err)
	}
	for what, b := range map[string][]byte{
		"no section .osrel": bytes.Replace(image, []byte(".osrel"), []byte(".osre1"), 1),
		"no assignment":     bytes.Replace(image, []byte("NAME=Slipway"), []byte("NAME Slipway"), 1),
		"command line":      bytes.Replace(image, []byte("sha256"), []byte("sha512"), 1),
		"no EFI executable": image[:100],
	} {
		if _, err := esp.Describe(name, bytes.NewReader(b), int64(len(b))); err == nil || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

func FuzzDescribe(f *testing.F) {
	f.Add(bootstatetest.Image(v1)[:4096], []byte("x"))
	f.Fuzz(func(t *testing.T, head, tail []byte) {
		image := bytes.Clone(bootstatetest.Image(v1))
		copy(image, head)
		copy(image[len(image)-min(len(tail), len(image)):], tail)
		e, err := esp.Describe(sdboot.Name{ID: "a.efi"}, bytes.NewReader(image), int64(len(image)))
		if err == nil && (e.RootHash == "" || e.SortKey == "") {
			t.Errorf("%+v", e)
		}
	})
}

package disk_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/tuf-repo/disk"
)

var errOrdered = errors.New("ordered")

// failing fails at a step.
func failing(at int, seen *[]string) *disk.Disk {
	n := 0
	return &disk.Disk{Step: func(step, path string) error {
		*seen = append(*seen, step)
		if n++; n == at {
			return errOrdered
		}
		return nil
	}}
}

// TestWriteFails has each step of a write fail: the file is the old one, and
// nothing is left beside it, or the new one.
func TestWriteFails(t *testing.T) {
	for at := 1; ; at++ {
		path := filepath.Join(t.TempDir(), "file")
		if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
			t.Fatal(err)
		}
		var seen []string
		err := failing(at, &seen).Write(path, []byte("brand new"), 0o600)
		data, readErr := os.ReadFile(path)
		if readErr != nil {
			t.Fatal(readErr)
		}
		renamed := seen[len(seen)-1] == "syncdir"
		switch {
		case err == nil && at <= 5:
			t.Fatalf("step %d did not fail: %v", at, seen)
		case err == nil:
			if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 || string(data) != "brand new" {
				t.Errorf("the file has %q, mode %v", data, info.Mode())
			}
			return
		case !errors.Is(err, errOrdered):
			t.Fatalf("step %d: %v", at, err)
		case string(data) != "old" && !renamed:
			t.Errorf("failed at %v: the file has %q", seen, data)
		}
		if entries, err := os.ReadDir(filepath.Dir(path)); err != nil || len(entries) != 1 {
			t.Errorf("failed at %v: %d files are left, %v", seen, len(entries), err)
		}
	}
}

func TestCopyChecksSize(t *testing.T) {
	for _, tt := range []struct {
		size int64
		want string
	}{
		{2, "more than the 2 bytes"}, {0, "more than the 0 bytes"}, {4, "fewer than the 4 bytes"}, {9, "fewer than the 9 bytes"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		_, err := (&disk.Disk{}).Copy(path, strings.NewReader("abc"), tt.size, 0o644)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Copy(%d) = %v, want an error with %q", tt.size, err, tt.want)
		}
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Errorf("Copy(%d) left a file: %v", tt.size, err)
		}
	}
	sum, err := (&disk.Disk{}).Copy(filepath.Join(t.TempDir(), "a", "b", "file"), strings.NewReader("abc"), 3, 0o644)
	if want := "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; err != nil || sum != want {
		t.Errorf("Copy = %s, %v; want %s", sum, err, want)
	}
}

func TestReplace(t *testing.T) {
	dir := t.TempDir()
	from, to := filepath.Join(dir, "from"), filepath.Join(dir, "to")
	d := &disk.Disk{}
	for _, content := range []string{"first", "second"} {
		if err := d.Write(filepath.Join(from, "file"), []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if err := d.Replace(from, to); err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(filepath.Join(to, "file"))
		if err != nil || string(data) != content {
			t.Errorf("to has %q, %v; want %q", data, err, content)
		}
		if _, err := os.Stat(from); !os.IsNotExist(err) {
			t.Errorf("from is still there: %v", err)
		}
	}
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := disk.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := disk.Lock(path); err == nil || !strings.Contains(err.Error(), "another tufrepo is at work") {
		t.Errorf("a second lock: %v", err)
	}
	unlock()
	again, err := disk.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	again()
}

package store_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/store"
)

// The host's own file system.
func onDisk(t *testing.T) store.Options {
	o := options(nil, "1.0.0")
	o.Dir = filepath.Join(t.TempDir(), "settings")
	return o
}

func TestOnDisk(t *testing.T) {
	o := onDisk(t)
	for i, version := range []string{"1.0.0", "1.0.0", "2.0.0", "1.0.0"} {
		o.Version = version
		s, opened, err := store.Open(o)
		if err != nil || opened.Recovered != "" || opened.Unsaved != nil || opened.FirstBoot != (i == 0) || opened.Snapshot != (i == 3) {
			t.Fatalf("open %d: %+v, %v", i, opened, err)
		}
		if version == "1.0.0" && i < 3 {
			set(t, s, "motd", `"hi"`)
		} else if i == 2 {
			set(t, s, "motd", `"new"`)
		}
		closeStore(t, s)
	}
	s, _, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	want(t, s, `motd="hi" (api)`, `ntp.mode="none" (default)`)
	for _, path := range []string{"settings.json", "snapshots/1.0.0.json", "snapshots/2.0.0.json"} {
		info, err := os.Stat(filepath.Join(o.Dir, path))
		if err != nil || info.Mode() != 0o600 {
			t.Errorf("%s: %v (%v), want a file for its owner alone", path, info, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(o.Dir, "*", "*.new"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v (%v)", left, err)
	}
}

func TestOneOwner(t *testing.T) {
	o := onDisk(t)
	s, _, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := store.Open(o); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second owner: error %v, want %v", err, store.ErrLocked)
	}
	closeStore(t, s)
	s, _, err = store.Open(o)
	if err != nil {
		t.Fatal("after the first closed:", err)
	}
	closeStore(t, s)
}

// A folder where the file belongs is kept aside like any other damage.
func TestFolderInPlaceOfFile(t *testing.T) {
	o := onDisk(t)
	path := filepath.Join(o.Dir, "settings.json")
	if err := os.MkdirAll(filepath.Join(path, "inner"), 0o755); err != nil {
		t.Fatal(err)
	}
	s, opened, err := store.Open(o)
	if err != nil || opened.Unsaved != nil || !strings.Contains(opened.Recovered, "not a file") || !opened.FirstBoot {
		t.Fatalf("opened %+v, %v", opened, err)
	}
	defer s.Close()
	set(t, s, "motd", `"hi"`)
	if _, err := os.Stat(filepath.Join(path+".bad-1", "inner")); err != nil {
		t.Error("not kept aside:", err)
	}
}

func TestOSErrors(t *testing.T) {
	dir := t.TempDir()
	none := filepath.Join(dir, "none", "x")
	if err := os.WriteFile(filepath.Join(dir, "f"), []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, f := range map[string]func() error{
		"lock":    func() error { _, err := store.OS.Lock(none); return err },
		"mkdir":   func() error { return store.OS.Mkdir(none) },
		"readdir": func() error { _, err := store.OS.ReadDir(none); return err },
		"read":    func() error { _, err := store.OS.ReadFile(none, 9); return err },
		"create":  func() error { _, err := store.OS.Create(none); return err },
		"append":  func() error { _, err := store.OS.Append(none, 0); return err },
		"syncdir": func() error { return store.OS.SyncDir(none) },
	} {
		if err := f(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: error %v, want %v", name, err, fs.ErrNotExist)
		}
	}
	if _, err := store.OS.ReadFile(filepath.Join(dir, "f"), 4); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("error %v, want %v", err, store.ErrTooLarge)
	}
	if err := store.OS.Mkdir(filepath.Join(dir, "f")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("a folder in place of a file: error %v, want %v", err, fs.ErrExist)
	}
}

package store_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// A full disk refuses the commit and leaves file, memory and transaction.
func TestFullDisk(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	set(t, s, "motd", `"hi"`)
	before := fs.Files()
	for _, room := range []int64{0, 100} {
		fs.Full, fs.Free = true, size(before)+room
		patch(t, s, "x", "motd", `"`+strings.Repeat("x", 1000)+`"`)
		if _, err := s.Commit("x"); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("error %v, want %v", err, syscall.ENOSPC)
		}
		if d := cmp.Diff(before, fs.Files()); d != "" {
			t.Errorf("files (-before +after):\n%s", d)
		}
		want(t, s, `motd="hi" (api)`, `ntp.mode="none" (default)`)
		if got := s.Transactions(); !slices.Equal(got, []string{"x"}) {
			t.Errorf("pending: %v, want x", got)
		}
	}
	fs.Repair()
	if _, err := s.Commit("x"); err != nil {
		t.Error("with room again:", err)
	}
}

// Whichever operation of a commit fails, an error means that file, memory and
// transaction are as they were.
func TestCommitFails(t *testing.T) {
	for n, failed := 1, true; failed; n++ {
		fs := storetest.New()
		s := open(t, fs, "1.0.0")
		if n%2 == 0 { // else it is the first commit, which makes the file
			set(t, s, "motd", `"hi"`)
		}
		before, live := fs.Files(), s.Live()
		patch(t, s, "x", "motd", `"new"`)
		fs.FailAt((n+1)/2, syscall.EIO)
		c, err := s.Commit("x")
		failed = err != nil || c.Warning != nil
		if err == nil {
			continue
		}
		if d := cmp.Diff(before, fs.Files()); d != "" {
			t.Errorf("operation %d: files (-before +after):\n%s", n, d)
		}
		if d := cmp.Diff(live, s.Live()); d != "" || !slices.Equal(s.Transactions(), []string{"x"}) {
			t.Errorf("operation %d: pending %v, in force (-before +after):\n%s", n, s.Transactions(), d)
		}
		if _, err := s.Commit("x"); err != nil {
			t.Errorf("operation %d: the next commit: %v", n, err)
		}
	}
}

// The snapshot alone may not find room: the commit holds and says so.
func TestFullDiskAtSnapshot(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	set(t, s, "motd", `"hi"`)
	fs.Full, fs.Free = true, size(fs.Files())+2000
	patch(t, s, "x", "motd", `"`+strings.Repeat("x", 1500)+`"`)
	c, err := s.Commit("x")
	if err != nil || !errors.Is(c.Warning, syscall.ENOSPC) {
		t.Errorf("error %v, warning %v, want %v as a warning", err, c.Warning, syscall.ENOSPC)
	}
}

// An update on a full disk: the settings are in force, and the file follows as
// soon as there is room.
func TestFullDiskAtUpdate(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	set(t, s, "motd", `"hi"`, "host.name", `"h"`)
	closeStore(t, s)
	fs.Delete(dir + "/snapshots/1.0.0.json")
	before := fs.Files()
	fs.Full, fs.Free = true, size(before)
	o := options(fs, "2.0.0")
	o.Migrations = renameGroup
	s, opened, err := store.Open(o)
	if err != nil || !errors.Is(opened.Unsaved, syscall.ENOSPC) || opened.From != "1.0.0" {
		t.Fatalf("opened %+v, %v", opened, err)
	}
	want(t, s, `machine.kind="plain" (generator)`, `machine.name="h" (api)`, `motd="hi" (api)`, `ntp.mode="none" (default)`)
	patch(t, s, "x", "motd", `"new"`)
	if _, err := s.Commit("x"); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("error %v, want %v", err, syscall.ENOSPC)
	}
	if d := cmp.Diff(before, fs.Files()); d != "" {
		t.Errorf("files (-before +after):\n%s", d)
	}
	fs.Repair()
	if _, err := s.Commit("x"); err != nil {
		t.Fatal(err)
	}
	if fs.Files()[dir+"/snapshots/1.0.0.json"] != before[file] {
		t.Error("the old version's snapshot is not what it left")
	}
}

func size(files map[string]string) int64 {
	var n int
	for _, content := range files {
		n += len(content)
	}
	return int64(n)
}

func TestDamaged(t *testing.T) {
	for name, c := range map[string]struct {
		damage func(*storetest.FS, string)
		says   string
	}{
		"a changed byte":  {func(fs *storetest.FS, s string) { fs.Put(file, strings.Replace(s, "hi", "ho", 1)) }, "checksum"},
		"a changed count": {func(fs *storetest.FS, s string) { fs.Put(file, strings.Replace(s, `"seq":1`, `"seq":7`, 1)) }, "checksum"},
		"cut short":       {func(fs *storetest.FS, s string) { fs.Put(file, s[:len(s)-5]) }, "checksum"},
		"longer":          {func(fs *storetest.FS, s string) { fs.Put(file, s+"\n") }, "checksum"},
		"empty":           {func(fs *storetest.FS, s string) { fs.Put(file, "") }, "no header"},
		"zeros":           {func(fs *storetest.FS, s string) { fs.Put(file, strings.Repeat("\x00", len(s))) }, "no header"},
		"another format":  {func(fs *storetest.FS, s string) { fs.Put(file, strings.Replace(s, `"format":1`, `"format":2`, 1)) }, "format is 2"},
		"too large":       {func(fs *storetest.FS, s string) { fs.Put(file, strings.Repeat("x", 3*store.DefaultLimit)) }, "too large"},
		"not readable":    {func(fs *storetest.FS, s string) { fs.FailRead(file, syscall.EIO) }, "input/output error"},
		"gone":            {func(fs *storetest.FS, s string) { fs.Delete(file) }, "not exist"},
	} {
		for _, snapshot := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, snapshot %v", name, snapshot), func(t *testing.T) {
				fs := storetest.New()
				s := open(t, fs, "1.0.0")
				set(t, s, "motd", `"hi"`)
				closeStore(t, s)
				if !snapshot {
					fs.Put(dir+"/snapshots/1.0.0.json", "damaged, too\n")
				}
				c.damage(fs, fs.Files()[file])
				testRecovery(t, fs, snapshot, c.says)
			})
		}
	}
}

func testRecovery(t *testing.T, fs *storetest.FS, snapshot bool, says string) {
	t.Helper()
	damaged, isThere := fs.Files()[file]
	s, opened, err := store.Open(options(fs, "1.0.0"))
	if err != nil || opened.Unsaved != nil {
		t.Fatal(err, opened.Unsaved)
	}
	defer s.Close()
	if lost := !isThere && !snapshot; !strings.Contains(opened.Recovered, says) && !lost {
		t.Errorf("recovered %q, want %q in it", opened.Recovered, says)
	}
	if opened.FirstBoot == snapshot {
		t.Errorf("first boot: %v", opened.FirstBoot)
	}
	if kept := fs.Files()[file+".bad-1"]; kept != damaged {
		t.Errorf("kept aside: %q, want %q", kept, damaged)
	}
	motd := `motd="welcome" (default)`
	if snapshot {
		motd = `motd="hi" (api)`
	}
	want(t, s, motd, `ntp.mode="none" (default)`)
	fs.Repair()
	set(t, s, "motd", `"after"`)
	closeStore(t, s)
	want(t, open(t, fs, "1.0.0"), `motd="after" (api)`, `ntp.mode="none" (default)`)
}

func TestDamagedBounded(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	set(t, s, "motd", `"hi"`)
	closeStore(t, s)
	for i := range store.MaxBad + 3 {
		fs.Put(file, fmt.Sprint("damage ", i))
		s, _, err := store.Open(options(fs, "1.0.0"))
		if err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
	}
	var kept []string
	for _, path := range slices.Sorted(maps.Keys(fs.Files())) {
		if strings.Contains(path, ".bad-") {
			kept = append(kept, strings.TrimPrefix(path, file)+": "+fs.Files()[path])
		}
	}
	if d := cmp.Diff([]string{".bad-4: damage 3", ".bad-5: damage 4", ".bad-6: damage 5", ".bad-7: damage 6"}, kept); d != "" {
		t.Errorf("kept (-want +got):\n%s", d)
	}
}

// What a check of today refuses is dropped, and no more than that.
func TestHeal(t *testing.T) {
	for _, c := range []struct {
		name        string
		set         []string
		want        []string
		recoversSay string
	}{
		{"the setting to blame", []string{"motd", `"bad"`, "host.name", `"h"`},
			[]string{`host.name="h" (api)`, `motd="welcome" (default)`, `ntp.mode="none" (default)`}, "dropped: motd ("},
		{"the group of one that is not stored", []string{"ntp.mode", `"pool"`, "host.name", `"h"`},
			[]string{`host.name="h" (api)`, `motd="welcome" (default)`, `ntp.mode="none" (default)`}, "dropped: ntp.mode ("},
	} {
		fs := storetest.New()
		o := options(fs, "1.0.0")
		o.Check = nil
		s, _, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		set(t, s, c.set...)
		closeStore(t, s)
		before := fs.Files()[file]
		s, opened, err := store.Open(options(fs, "1.0.0"))
		if err != nil || !strings.Contains(opened.Recovered, c.recoversSay) {
			t.Fatalf("%s: recovered %q (%v), want %q in it", c.name, opened.Recovered, err, c.recoversSay)
		}
		want(t, s, c.want...)
		if fs.Files()[file+".bad-1"] != before {
			t.Errorf("%s: the file was not kept aside", c.name)
		}
		closeStore(t, s)
		want(t, open(t, fs, "1.0.0"), c.want...)
	}
}

// An error of Check that blames nothing cannot be healed but by the defaults.
func TestHealWithoutBlame(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	set(t, s, "motd", `"hi"`, "host.name", `"h"`)
	closeStore(t, s)
	o := options(fs, "1.0.0")
	o.Check = func(v settings.Values) error {
		if len(v) > 2 {
			return errors.New("too many")
		}
		return nil
	}
	s, opened, err := store.Open(o)
	if err != nil || !strings.Contains(opened.Recovered, "dropped: host.name, motd (too many)") {
		t.Fatalf("recovered %q (%v)", opened.Recovered, err)
	}
	defer s.Close()
	want(t, s, `motd="welcome" (default)`, `ntp.mode="none" (default)`)
}

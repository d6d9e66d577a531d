package slot_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/verity"
	"github.com/slipway-os/slipway/runtime/update/fetch"
	"github.com/slipway-os/slipway/runtime/update/fetch/fetchtest"
	"github.com/slipway-os/slipway/runtime/update/slot"
	"github.com/slipway-os/slipway/runtime/update/slot/slottest"
)

// build is a version: its disk, artefacts and root.
type build struct {
	disk           []byte
	root           cmdline.Root
	index          *blocks.Index
	frames, verity []byte
}

// newBuild builds the fixture with some bytes of a large file changed from
// offset from on.
func newBuild(t testing.TB, from, n int) *build {
	t.Helper()
	o, err := fixture.Options(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	tarball := read(t, o.Rootfs[0])
	for i := range n {
		tarball[from+i] ^= 0x55
	}
	if err := os.WriteFile(o.Rootfs[0], tarball, 0o644); err != nil {
		t.Fatal(err)
	}
	facts, err := assemble.Image(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	b := &build{disk: read(t, o.Output), frames: read(t, filepath.Join(o.Artifacts, "root.frames")),
		verity: read(t, filepath.Join(o.Artifacts, "root.verity"))}
	if b.index, err = blocks.ParseIndex(read(t, filepath.Join(o.Artifacts, "root.index"))); err != nil {
		t.Fatal(err)
	}
	b.root = cmdline.Root{Hash: b.index.Root, Salt: b.index.Salt[:], Blocks: facts.DataBlocks}
	return b
}

func read(t testing.TB, path string) []byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func find(t testing.TB, d slot.Device, running *build) *slot.Slots {
	t.Helper()
	s, err := slot.Find(d, running.root.Hash)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// update goes from one version to another; both errors are returned as they
// come.
func update(d slot.Device, from, to *build) (fetch.Report, slot.Report, error) {
	s, err := slot.Find(d, from.root.Hash)
	if err != nil {
		return fetch.Report{}, slot.Report{}, err
	}
	locals, err := s.Locals(context.Background(), to.index)
	if err != nil {
		return fetch.Report{}, slot.Report{}, err
	}
	w, err := s.Begin(to.root)
	if err != nil {
		return fetch.Report{}, slot.Report{}, err
	}
	var server fetchtest.Server
	server.Put("/f", to.frames)
	got, err := fetch.Run(context.Background(), fetch.Job{
		Client: &server, Index: to.index, Frames: "https://updates.example/f", Locals: locals, Target: w.Root()})
	if err != nil {
		return got, slot.Report{}, err
	}
	checked, err := w.Finish(context.Background())
	return got, checked, err
}

// judge compares a disk after an update with what it must be: slot to holds
// the build, and nothing else changed.
func judge(t *testing.T, d slot.Device, before []byte, s slot.Slot, to *build) {
	t.Helper()
	if _, problems, err := gpt.Check(d, d.Size()); err != nil || len(problems) > 0 {
		t.Errorf("partition table: %v, %v", problems, err)
	}
	after := make([]byte, d.Size())
	if _, err := d.ReadAt(after, 0); err != nil {
		t.Fatal(err)
	}
	hash := after[s.Hash.Start():][:len(to.verity)]
	if !bytes.Equal(hash, to.verity) {
		t.Error("the hash partition does not hold root.verity")
	}
	sb, err := verity.ParseSuperblock(hash)
	if err != nil {
		t.Fatal(err)
	}
	faults, _, err := verity.Check(bytes.NewReader(after[s.Root.Start():]), bytes.NewReader(hash), *sb, to.root.Hash)
	if err != nil || len(faults) > 0 {
		t.Errorf("root partition: %v, %v", faults, err)
	}
	if at := foreign(before, after, s); at >= 0 {
		t.Errorf("byte %d changed, which is in neither the slot nor the partition table", at)
	}
}

// foreign returns the first byte that changed outside of a slot and the tables,
// or -1.
func foreign(before, after []byte, s slot.Slot) int {
	for at := 0; at < len(before); at += 512 {
		if !mayWrite(int64(at), 512, int64(len(before)), s) && !bytes.Equal(before[at:at+512], after[at:at+512]) {
			return at
		}
	}
	return -1
}

// mayWrite says whether n bytes at an offset lie in the slot or in a table; the
// protective MBR is not of it.
func mayWrite(off, n, size int64, s slot.Slot) bool {
	in := func(from, to int64) bool { return off >= from && off+n <= to }
	return in(512, 34*512) || in(size-33*512, size) ||
		in(s.Root.Start(), s.Root.Start()+s.Root.Size()) || in(s.Hash.Start(), s.Hash.Start()+s.Hash.Size())
}

func TestUpdateThereAndBack(t *testing.T) {
	one, two, three := newBuild(t, 0, 0), newBuild(t, 300_000, 5000), newBuild(t, 700_000, 20_000)
	path := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(path, one.disk, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := slot.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	for i, step := range []struct {
		from, to *build
		into     string
		most     int64 // bytes fetched
	}{{one, two, "B", 150_000}, {two, three, "A", 250_000}, {three, two, "B", 0}, {two, one, "A", 250_000}} {
		s := find(t, d, step.from)
		if s.Other.Name != step.into {
			t.Fatalf("step %d goes into slot %s, want %s", i, s.Other.Name, step.into)
		}
		before := read(t, path)
		got, checked, err := update(d, step.from, step.to)
		if err != nil {
			t.Fatalf("step %d: %v", i, err)
		}
		t.Logf("step %d: %+v, read back by %s", i, got, checked.ReadBack)
		judge(t, d, before, s.Other, step.to)
		if again := find(t, d, step.from); !again.Holds(step.to.root) || again.Other.Root.Label != "ROOT-"+step.into {
			t.Errorf("step %d: slot %s does not hold the image: %+v", i, step.into, again.Other)
		}
		if got.Bytes > step.most {
			t.Errorf("step %d: fetched %d bytes, want at most %d", i, got.Bytes, step.most)
		}
	}
}

// TestGarbageInTheSlot updates into a slot whose partitions are full of noise.
func TestGarbageInTheSlot(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	disk := bytes.Clone(one.disk)
	s := find(t, slottest.New(disk), one)
	copy(disk[s.Other.Root.Start():], bytes.Repeat([]byte("garbage "), int(s.Other.Root.Size()/8)))
	copy(disk[s.Other.Hash.Start():], one.verity) // a hash tree that is good, but not for this
	d := slottest.New(disk)
	got, _, err := update(d, one, two)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rejected == 0 {
		t.Error("the lying hash tree was not noticed")
	}
	judge(t, d, disk, s.Other, two)
}

func TestFindRefuses(t *testing.T) {
	one := newBuild(t, 0, 0)
	tests := []struct {
		name    string
		change  func(t *gpt.Table)
		running verity.RootHash
		want    string
	}{
		{"another root hash", func(*gpt.Table) {}, verity.RootHash{1}, "not exactly one has the GUID"},
		{"three roots", func(t *gpt.Table) { t.Partitions[5].Type = gpt.TypeRootX64 }, one.root.Hash, "there are 3 of them"},
		{"roots of two architectures", func(t *gpt.Table) { t.Partitions[3].Type = gpt.TypeRootA64 }, one.root.Hash, "want 2 of one type"},
		{"no second hash", func(t *gpt.Table) { t.Partitions[4].Type = gpt.TypeVar }, one.root.Hash, "there are 1 of them"},
		{"running slot without a name", func(t *gpt.Table) { t.Partitions[1].Label = "_empty" }, one.root.Hash, `called "_empty"`},
		{"somebody's partition", func(t *gpt.Table) { t.Partitions[3].Label = "precious" }, one.root.Hash, `partition 4 is called "precious", want "ROOT-B"`},
		{"mixed slots", func(t *gpt.Table) { t.Partitions[2].Label = "HASH-B" }, one.root.Hash, `want "HASH-A"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk")
			if err := os.WriteFile(path, one.disk, 0o644); err != nil {
				t.Fatal(err)
			}
			d, err := slot.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer d.Close()
			table, err := gpt.Read(d, d.Size())
			if err != nil {
				t.Fatal(err)
			}
			tt.change(table)
			if err := gpt.Write(d.File, *table); err != nil {
				t.Fatal(err)
			}
			if _, err := slot.Find(d, tt.running); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
	if _, err := slot.Find(slottest.New(make([]byte, 1<<20)), one.root.Hash); !errors.Is(err, gpt.ErrNotGPT) {
		t.Errorf("error for an empty disk is %v", err)
	}
}

func TestBeginRefusesBeforeItWrites(t *testing.T) {
	one := newBuild(t, 0, 0)
	with := func(change func(r *cmdline.Root)) cmdline.Root {
		r := one.root
		r.Hash[0] ^= 1
		r.Hash[31] ^= 1
		change(&r)
		return r
	}
	for want, target := range map[string]cmdline.Root{
		"it needs 2101248 bytes in ROOT-B, which has 2097152": with(func(r *cmdline.Root) { r.Blocks = 513 }),
		"image has 0 blocks":         with(func(r *cmdline.Root) { r.Blocks = 0 }),
		"image has -5 blocks":        with(func(r *cmdline.Root) { r.Blocks = -5 }),
		"image is the one that runs": one.root,
	} {
		d := slottest.New(one.disk)
		_, err := find(t, d, one).Begin(target)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error is %v, want one with %q", err, want)
		}
		if n := len(d.Log()); n > 0 {
			t.Errorf("%s: %d operations before the refusal", want, n)
		}
	}
}

func TestRootEndsWithThePartition(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	d := slottest.New(one.disk)
	w, err := find(t, d, one).Begin(two.root)
	if err != nil {
		t.Fatal(err)
	}
	root, before := w.Root(), len(d.Log())
	for _, off := range []int64{-4096, root.Size() - 512, root.Size(), 1 << 62} {
		if _, err := root.WriteAt(make([]byte, 4096), off); err == nil {
			t.Errorf("writing at %d: no error", off)
		}
	}
	if len(d.Log()) != before {
		t.Error("something was written")
	}
}

// TestFaults has each write and sync fail: nothing but the slot may have
// changed, the cause is named, and the next try succeeds.
func TestFaults(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	whole := slottest.New(one.disk)
	if _, _, err := update(whole, one, two); err != nil {
		t.Fatal(err)
	}
	for n := range whole.Log() {
		for _, cause := range []error{syscall.EIO, syscall.ENOSPC} {
			d := slottest.New(one.disk)
			d.Fail(n, cause)
			s := find(t, d, one)
			_, _, err := update(d, one, two)
			if !errors.Is(err, cause) || !strings.Contains(err.Error(), "writing") {
				t.Fatalf("operation %d fails with %v: error is %v", n, cause, err)
			}
			if _, _, err := update(d, one, two); err != nil {
				t.Fatalf("operation %d failed once: the next try says %v", n, err)
			}
			if cause == syscall.EIO {
				judge(t, d, one.disk, s.Other, two)
			}
		}
	}
}

// TestLostWrites has the disk forget single writes that it said were synced.
func TestLostWrites(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	for _, part := range []string{"root", "hash", "table"} {
		d := slottest.New(one.disk)
		s := find(t, d, one).Other
		syncs := map[string]int64{"root": s.Root.Start(), "hash": s.Hash.Start(), "table": 1024}
		d.Lose(func(op slottest.Op) bool { return op.Data != nil && op.Off == syncs[part] })
		_, _, err := update(d, one, two)
		if err == nil {
			t.Errorf("%s: a lost write was not noticed", part)
		}
		if part == "root" && !errors.Is(err, slot.ErrRootHash) {
			t.Errorf("error is %v, want ErrRootHash", err)
		}
	}
}

func TestWrongContentIsNeverNamed(t *testing.T) {
	one, two := newBuild(t, 0, 0), newBuild(t, 300_000, 5000)
	d := slottest.New(one.disk)
	s := find(t, d, one)
	w, err := s.Begin(two.root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Finish(context.Background()); !errors.Is(err, slot.ErrRootHash) {
		t.Errorf("error is %v, want ErrRootHash", err)
	}
	if again := find(t, d, one); !again.Other.Empty() || again.Holds(two.root) {
		t.Errorf("slot is %+v, want it empty", again.Other)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := w.Finish(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want that of the context", err)
	}
}

func TestOpen(t *testing.T) {
	if _, err := slot.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error is %v", err)
	}
	path := filepath.Join(t.TempDir(), "disk")
	data := make([]byte, 3<<20+512)
	for i := range data {
		data[i] = byte(i % 251)
	}
	if err := os.WriteFile(path, data, 0o644); err != nil {
		t.Fatal(err)
	}
	d, err := slot.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	r, err := d.Direct()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	t.Logf("read back by %s", r.Method())
	for _, c := range [][2]int{{0, len(data)}, {512, 512}, {4096, 4096}, {1<<20 - 100, 200}, {1, 2 << 20}, {len(data) - 512, 512}} {
		got := make([]byte, c[1])
		if _, err := r.ReadAt(got, int64(c[0])); err != nil {
			t.Errorf("%d bytes at %d: %v", c[1], c[0], err)
		}
		if !bytes.Equal(data[c[0]:c[0]+c[1]], got) {
			t.Errorf("%d bytes at %d differ", c[1], c[0])
		}
	}
	if n, err := r.ReadAt(make([]byte, 1024), int64(len(data))-512); n != 512 || err == nil {
		t.Errorf("reading over the end gives %d bytes, error %v", n, err)
	}
}

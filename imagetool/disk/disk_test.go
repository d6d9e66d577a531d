package disk_test

import (
	"bytes"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/disk"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/layout"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/imagetool/verity"
)

func plan(t *testing.T, arch uki.Machine) []string {
	t.Helper()
	l, err := layout.Parse([]byte(fixture.Layout))
	if err != nil {
		t.Fatal(err)
	}
	hash, err := verity.ParseRootHash("84a818e8061f8acd4710a8d3063022dc2c2e81a90fbbce0946a89d1fced52409")
	if err != nil {
		t.Fatal(err)
	}
	table, err := disk.Plan(l, arch, cmdline.Root{Hash: hash})
	if err != nil {
		t.Fatal(err)
	}
	lines := []string{table.GUID.String()}
	for _, p := range table.Partitions {
		lines = append(lines, p.Label+" "+p.Type.String()+" "+p.GUID.String())
	}
	return lines
}

// TestPlan pins the GUIDs, which must not change from one imagetool to the
// next for an image to stay the same.
func TestPlan(t *testing.T) {
	want := []string{
		"b22d3691-c9a6-524e-9ffd-d65916097890",
		"ESP c12a7328-f81f-11d2-ba4b-00a0c93ec93b 91ee55d6-825a-5787-9eb9-4ee1eff476bd",
		"ROOT-A 4f68bce3-e8cd-4db1-96e7-fbcaf984b709 84a818e8-061f-8acd-4710-a8d3063022dc",
		"HASH-A 2c7357ed-ebd2-46d9-aec1-23d437ec2bf5 2c2e81a9-0fbb-ce09-46a8-9d1fced52409",
		"ROOT-B 4f68bce3-e8cd-4db1-96e7-fbcaf984b709 09a25132-3d14-5b0a-954e-a97942c0bf47",
		"HASH-B 2c7357ed-ebd2-46d9-aec1-23d437ec2bf5 858e9a72-e580-5ccd-95a9-6abda21cfe32",
		"STATE 4d21b016-b534-45c2-a9fb-5c16e091fd2d 62ad0d37-977f-52f5-a2d0-4100414a3d9d",
	}
	if diff := cmp.Diff(want, plan(t, uki.X86_64)); diff != "" {
		t.Errorf("plan (-want +got):\n%s", diff)
	}
	arm := plan(t, uki.ARM64)
	if got := arm[2][:len("ROOT-A b921b045")]; got != "ROOT-A b921b045" {
		t.Errorf("root type for arm64 begins with %q", got)
	}
	l, _ := layout.Parse([]byte(fixture.Layout))
	if _, err := disk.Plan(l, uki.Machine(1), cmdline.Root{}); err == nil {
		t.Error("no error for an unknown machine")
	}
}

func TestCopySparse(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	const size = 8 << 20
	if err := f.Truncate(2 * size); err != nil {
		t.Fatal(err)
	}
	data := make([]byte, size+5)
	data[0], data[5<<20], data[size+4] = 1, 2, 3
	if n, err := disk.CopySparse(f, 4096, bytes.NewReader(data)); err != nil || n != size+5 {
		t.Fatalf("copied %d bytes, error %v", n, err)
	}
	got := make([]byte, len(data))
	if _, err := f.ReadAt(got, 4096); err != nil || !bytes.Equal(got, data) {
		t.Errorf("copy differs (%v)", err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if used := info.Sys().(*syscall.Stat_t).Blocks * 512; used > 1<<20 {
		t.Errorf("%d bytes are taken on the disk; zeros should be holes", used)
	}
}

func TestFirstNonZero(t *testing.T) {
	data := make([]byte, 3<<20)
	data[2<<20+7] = 1
	for _, tt := range []struct{ from, to, want int64 }{
		{0, 3 << 20, 2<<20 + 7}, {0, 2<<20 + 7, -1}, {2<<20 + 7, 2<<20 + 8, 2<<20 + 7}, {2<<20 + 8, 3 << 20, -1}, {5, 5, -1},
	} {
		if got, err := disk.FirstNonZero(bytes.NewReader(data), tt.from, tt.to); err != nil || got != tt.want {
			t.Errorf("from %d to %d: %d (%v), want %d", tt.from, tt.to, got, err, tt.want)
		}
	}
	if _, err := disk.FirstNonZero(bytes.NewReader(data), 2<<20+8, 4<<20); err == nil {
		t.Error("no error beyond the end")
	}
}

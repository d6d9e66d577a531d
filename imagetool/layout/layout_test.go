package layout_test

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/layout"
)

func read(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile("testdata/ab.toml")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestParse(t *testing.T) {
	got, err := layout.Parse([]byte(read(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := &layout.Layout{
		Schema: 1,
		Root:   layout.Root{Compression: "lz4hc", Level: 9, Cluster: 64 * layout.KiB},
		State:  layout.State{Journal: 4 * layout.MiB},
		Budget: layout.Budget{LimitPercent: 85},
		Partitions: []layout.Partition{
			{Label: "ESP", Role: layout.ESP, Size: 128 * layout.MiB},
			{Label: "ROOT-A", Role: layout.RootFS, Slot: "A", Size: 384 * layout.MiB},
			{Label: "HASH-A", Role: layout.Hash, Slot: "A", Size: 8 * layout.MiB},
			{Label: "ROOT-B", Role: layout.RootFS, Slot: "B", Size: 384 * layout.MiB},
			{Label: "HASH-B", Role: layout.Hash, Slot: "B", Size: 8 * layout.MiB},
			{Label: "STATE", Role: layout.Var, Size: 64 * layout.MiB},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("layout (-want +got):\n%s", diff)
	}
	if got, want := got.DiskSize(), int64(978<<20); got != want {
		t.Errorf("disk has %d bytes, want %d", got, want)
	}
	if diff := cmp.Diff([]string{"A", "B"}, got.Slots()); diff != "" {
		t.Errorf("slots (-want +got):\n%s", diff)
	}
}

func TestParseErrors(t *testing.T) {
	good := read(t)
	tests := []struct {
		name, old, new, want string
	}{
		{"unknown key", `limit-percent = 85`, "limit-percent = 85\nlimit = 3", `line 16: unknown key "budget.limit"`},
		{"unknown table", `[budget]`, "[bugdet]", `unknown key "bugdet`},
		{"unknown key in a partition", `label = "ROOT-B"`, "label = \"ROOT-B\"\nlable = 1", `unknown key "partition.lable"`},
		{"syntax", `schema = 1`, "schema = = 1", "line 4:"},
		{"size without unit", `size = "8MiB"`, `size = "8"`, "whole number followed by"},
		{"size with a decimal unit", `"128MiB"`, `"128MB"`, "line 20:"},
		{"size that overflows", `"128MiB"`, `"99999999999999999GiB"`, "line 20:"},
		{"negative size", `"128MiB"`, `"-1MiB"`, "line 20:"},
		{"size not aligned", `"64MiB"`, `"1500KiB"`, `"STATE"): size is`},
		{"huge size", `"64MiB"`, `"2000GiB"`, `"STATE"): size is`},
		{"schema", `schema = 1`, `schema = 2`, "schema is 2"},
		{"compression", `"lz4hc"`, `"zstd"`, `root.compression is "zstd"`},
		{"cluster", `"64KiB"`, `"128KiB"`, "root.cluster is 128KiB"},
		{"limit", `= 85`, `= 101`, "budget.limit-percent is 101"},
		{"label twice", `"ROOT-B"`, `"ROOT-A"`, `label "ROOT-A" is used twice`},
		{"label too long", `"STATE"`, `"` + strings.Repeat("x", 37) + `"`, "1 to 36 characters"},
		{"label with a newline", `"STATE"`, `"ST\nATE"`, "printable"},
		{"role", `role = "esp"`, `role = "boot"`, `role is "boot"`},
		{"role twice", `role = "state"`, `role = "esp"`, `a second partition with role "esp"`},
		{"slot", `slot = "A"`, `slot = "C"`, `slot is "C"`},
		{"slot of a state partition", `size = "64MiB"`, "size = \"64MiB\"\nslot = \"A\"", "has no slot"},
		{"ESP too small", `"128MiB"`, `"33MiB"`, "FAT32 needs at least 34MiB"},
		{"hash too small", `"8MiB"`, `"2MiB"`, `"HASH-A" has 2MiB`},
		{"slots of different size", "slot = \"B\"\nsize = \"384MiB\"", "slot = \"B\"\nsize = \"300MiB\"", "differ in size"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			changed := strings.Replace(good, tt.old, tt.new, 1)
			if changed == good {
				t.Fatalf("%q is not in the layout", tt.old)
			}
			_, err := layout.Parse([]byte(changed))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestParseMissing(t *testing.T) {
	_, err := layout.Parse([]byte("schema = 1"))
	if err == nil || !strings.Contains(err.Error(), "no partition has role esp") {
		t.Errorf("error is %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(read(f)))
	f.Add([]byte("schema = 1\n[[partition]]\nsize = \"1GiB\""))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := layout.Parse(data)
		if err == nil && (l.DiskSize() <= 0 || l.DiskSize()%int64(layout.Alignment) != 0) {
			t.Errorf("accepted layout has %d bytes", l.DiskSize())
		}
	})
}

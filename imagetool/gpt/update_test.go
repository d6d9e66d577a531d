package gpt_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/gpt"
)

// memory is a disk that notes the sectors written between syncs.
type memory struct {
	data   []byte
	writes [][2]int64 // offset, length; a sync is {-1, 0}
}

func (m *memory) ReadAt(p []byte, off int64) (int, error) {
	return bytes.NewReader(m.data).ReadAt(p, off)
}

func (m *memory) WriteAt(p []byte, off int64) (int, error) {
	m.writes = append(m.writes, [2]int64{off, int64(len(p))})
	return copy(m.data[off:], p), nil
}

func (m *memory) Sync() error {
	m.writes = append(m.writes, [2]int64{-1, 0})
	return nil
}

// changes are those of testdata/golden.sh.
var changes = []gpt.Change{
	{Index: 2, GUID: uuid.MustParse("00112233-4455-6677-8899-AABBCCDDEEFF"), Label: "_empty"},
	{Index: 3, GUID: uuid.MustParse("FFEEDDCC-BBAA-9988-7766-554433221100"), Label: "HASH-B"},
}

func judgeChanged(t *testing.T, disk []byte) {
	t.Helper()
	if diff := cmp.Diff(golden(t, "ab-changed.first"), disk[:2048]); diff != "" {
		t.Errorf("MBR, first header and entries (-sfdisk +ours):\n%s", diff)
	}
	if diff := cmp.Diff(golden(t, "ab-changed.last"), disk[diskSize-512:]); diff != "" {
		t.Errorf("second header (-sfdisk +ours):\n%s", diff)
	}
	if _, problems, err := gpt.Check(bytes.NewReader(disk), diskSize); err != nil || len(problems) != 0 {
		t.Errorf("problems %v, error %v", problems, err)
	}
}

func TestUpdateGivesTheBytesOfSfdisk(t *testing.T) {
	m := &memory{data: written(t)}
	if err := gpt.Update(m, diskSize, changes...); err != nil {
		t.Fatal(err)
	}
	judgeChanged(t, m.data)
	want := [][2]int64{ // entries 2 and 3 lie in the first sector
		{diskSize - 33*512, 512}, {diskSize - 512, 512}, {-1, 0},
		{1024, 512}, {512, 512}, {-1, 0},
	}
	if diff := cmp.Diff(want, m.writes); diff != "" {
		t.Errorf("writes (-want +got):\n%s", diff)
	}
}

func TestUpdateRepairsFirst(t *testing.T) {
	for name, damage := range map[string]func(disk []byte){
		"first header":   func(disk []byte) { clear(disk[512:1024]) },
		"first entries":  func(disk []byte) { disk[1024+3] ^= 1 },
		"second header":  func(disk []byte) { clear(disk[diskSize-512:]) },
		"second entries": func(disk []byte) { clear(disk[diskSize-33*512 : diskSize-512]) },
	} {
		t.Run(name, func(t *testing.T) {
			m := &memory{data: written(t)}
			damage(m.data)
			if err := gpt.Update(m, diskSize, changes...); err != nil {
				t.Fatal(err)
			}
			judgeChanged(t, m.data)
			if first := m.writes[0][0]; strings.HasPrefix(name, "first") != (first < 2048) {
				t.Errorf("first write is at %d", first)
			}
		})
	}
}

// TestUpdateOfAGrownDisk takes a table that another program moved.
func TestUpdateOfAGrownDisk(t *testing.T) {
	const size = 80 << 20
	m := &memory{data: make([]byte, size)}
	first, last := golden(t, "ab-grown.first"), golden(t, "ab-grown.last")
	copy(m.data, first)
	copy(m.data[size-33*512:], first[1024:])
	copy(m.data[size-512:], last)
	back := []gpt.Change{{Index: 2, GUID: uuid.Max, Label: "ROOT-A"}}
	if err := gpt.Update(m, size, back...); err != nil {
		t.Fatal(err)
	}
	if _, problems, err := gpt.Check(bytes.NewReader(m.data), size); err != nil || len(problems) != 0 {
		t.Errorf("problems %v, error %v", problems, err)
	}
}

func TestUpdateRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change gpt.Change
		want   string
	}{
		{"no such partition", gpt.Change{Index: 9}, "no partition 9"},
		{"long label", gpt.Change{Index: 2, Label: strings.Repeat("ü", 37)}, "37 UTF-16 units, 36 fit"},
		{"a GUID twice", gpt.Change{Index: 2, GUID: sample().Partitions[2].GUID}, "partitions 2 and 3 would have one GUID"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &memory{data: written(t)}
			err := gpt.Update(m, diskSize, tt.change)
			if err == nil || !strings.Contains(err.Error(), tt.want) || len(m.writes) != 0 {
				t.Errorf("error is %v with %d writes, want %q and none", err, len(m.writes), tt.want)
			}
		})
	}
	m := &memory{data: written(t)}
	clear(m.data[512:1024])
	clear(m.data[diskSize-512:])
	if err := gpt.Update(m, diskSize, changes...); err == nil || len(m.writes) != 0 {
		t.Errorf("both tables damaged: error is %v with %d writes", err, len(m.writes))
	}
}

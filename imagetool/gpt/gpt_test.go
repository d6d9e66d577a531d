package gpt_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/gpt"
)

const diskSize = 64 << 20

// sample is testdata/ab.sfdisk.
func sample() gpt.Table {
	return gpt.Table{
		GUID:    uuid.MustParse("B22D3691-C9A6-524E-9FFD-D65916097890"),
		Sectors: diskSize / gpt.SectorSize,
		Partitions: []gpt.Partition{
			{Index: 1, Type: gpt.TypeESP, GUID: uuid.MustParse("91EE55D6-825A-5787-9EB9-4EE1EFF476BD"), First: 2048, Last: 71679, Label: "ESP"},
			{Index: 2, Type: gpt.TypeRootX64, GUID: uuid.MustParse("84A818E8-061F-8ACD-4710-A8D3063022DC"), First: 71680, Last: 79871, Label: "ROOT-A"},
			{Index: 3, Type: gpt.TypeVerityX64, GUID: uuid.MustParse("2C2E81A9-0FBB-CE09-46A8-9D1FCED52409"), First: 79872, Last: 81919, Label: "HASH-A"},
			{Index: 4, Type: gpt.TypeVar, GUID: uuid.MustParse("62AD0D37-977F-52F5-A2D0-4100414A3D9D"), First: 81920, Last: 90111, Label: "STATE"},
		},
	}
}

// written returns a disk with the sample table.
func written(t testing.TB) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "disk")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(diskSize); err != nil {
		t.Fatal(err)
	}
	if err := gpt.Write(f, sample()); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func golden(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestWriteGivesTheBytesOfSfdisk(t *testing.T) {
	disk := written(t)
	if diff := cmp.Diff(golden(t, "ab.first"), disk[:2048]); diff != "" {
		t.Errorf("MBR, first header and entries (-sfdisk +ours):\n%s", diff)
	}
	if diff := cmp.Diff(golden(t, "ab.last"), disk[diskSize-512:]); diff != "" {
		t.Errorf("second header (-sfdisk +ours):\n%s", diff)
	}
}

func TestReadReturnsWhatWasWritten(t *testing.T) {
	got, err := gpt.Read(bytes.NewReader(written(t)), diskSize)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), *got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

func TestReadFallsBackToTheSecondTable(t *testing.T) {
	disk := written(t)
	clear(disk[512:1024])
	got, err := gpt.Read(bytes.NewReader(disk), diskSize)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sample(), *got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// TestCheckFindsEveryByte flips every byte of the used parts of the tables.
func TestCheckFindsEveryByte(t *testing.T) {
	disk := written(t)
	ranges := [][2]int{{0, 1024 + 5*128}, {diskSize - 33*512, diskSize - 33*512 + 5*128}, {diskSize - 512, diskSize}}
	for _, r := range ranges {
		for at := r[0]; at < r[1]; at++ {
			disk[at] ^= 0x10
			_, problems, err := gpt.Check(bytes.NewReader(disk), diskSize)
			disk[at] ^= 0x10
			if err != nil {
				t.Fatalf("byte %d: %v", at, err)
			}
			if len(problems) != 1 {
				t.Fatalf("byte %d: %d problems, want 1: %v", at, len(problems), problems)
			}
			if p := problems[0]; int64(at) < p.Offset || int64(at) >= p.Offset+p.Length {
				t.Errorf("byte %d: blamed on %v", at, p)
			}
		}
	}
}

func TestCheckGood(t *testing.T) {
	_, problems, err := gpt.Check(bytes.NewReader(written(t)), diskSize)
	if err != nil || len(problems) != 0 {
		t.Errorf("problems %v, error %v in a good table", problems, err)
	}
}

func TestTruncatedDisk(t *testing.T) {
	disk := written(t)[:diskSize-1<<20]
	_, problems, err := gpt.Check(bytes.NewReader(disk), int64(len(disk)))
	if err != nil {
		t.Fatal(err)
	}
	if len(problems) < 2 {
		t.Errorf("problems of a truncated disk: %v", problems)
	}
	if _, err := gpt.Read(bytes.NewReader(make([]byte, 1<<20)), 1<<20); !errors.Is(err, gpt.ErrNotGPT) {
		t.Errorf("error for zeros is %v, want ErrNotGPT", err)
	}
}

func TestWriteRefuses(t *testing.T) {
	tests := []struct {
		name   string
		change func(*gpt.Table)
	}{
		{"overlap", func(t *gpt.Table) { t.Partitions[1].First-- }},
		{"beyond the end", func(t *gpt.Table) { t.Partitions[3].Last = t.Sectors }},
		{"in the table", func(t *gpt.Table) { t.Partitions[0].First = 33 }},
		{"backwards", func(t *gpt.Table) { t.Partitions[3].Last = t.Partitions[3].First - 1 }},
		{"tiny disk", func(t *gpt.Table) { t.Sectors = 60 }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			table := sample()
			tt.change(&table)
			if err := gpt.Write(f, table); err == nil {
				t.Error("no error")
			}
		})
	}
}

func FuzzCheck(f *testing.F) {
	disk := written(f)
	small := append(bytes.Clone(disk[:34*512]), disk[diskSize-33*512:]...)
	f.Add(small)
	f.Add([]byte("EFI PART"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, data := range [][]byte{data, sealed(data)} {
			r, size := bytes.NewReader(data), int64(len(data))
			table, _, err := gpt.Check(r, size)
			if err == nil && table != nil {
				table.Gaps()
			}
			gpt.Read(r, size)
		}
	})
}

// sealed returns a copy with right checksums in the first table, so that
// fuzzing gets past them.
func sealed(data []byte) []byte {
	if len(data) < 34*512 {
		return data
	}
	data = bytes.Clone(data)
	le := binary.LittleEndian
	le.PutUint32(data[512+88:], crc32.ChecksumIEEE(data[1024:34*512]))
	clear(data[512+16 : 512+20])
	le.PutUint32(data[512+16:], crc32.ChecksumIEEE(data[512:512+92]))
	return data
}

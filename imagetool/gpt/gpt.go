// Package gpt writes GUID partition tables through go-diskfs, and reads and
// checks them with a parser of its own, which trusts nothing in the headers.
//
// Reference: UEFI specification 2.10, chapter 5 "GUID Partition Table Disk
// Layout".
package gpt

import (
	"cmp"
	"errors"
	"github.com/google/uuid"
	"slices"
)

// SectorSize is the logical sector size in bytes. Disk images for virtual and
// most physical disks use 512.
const SectorSize = 512

// Entries is the number of entries in the partition array, EntrySize the
// bytes of one.
const (
	Entries   = 128
	EntrySize = 128
)

// arraySectors is how many sectors the partition array takes.
const arraySectors = Entries * EntrySize / SectorSize

// minSectors is the smallest disk with both tables and one sector of data.
const minSectors = 2*(1+arraySectors) + 1 + 1

// ErrNotGPT says that neither end of the disk holds a GPT header.
var ErrNotGPT = errors.New("no GUID partition table")

// Type GUIDs of the UEFI and Discoverable Partitions specifications.
var (
	TypeESP       = uuid.MustParse("c12a7328-f81f-11d2-ba4b-00a0c93ec93b")
	TypeVar       = uuid.MustParse("4d21b016-b534-45c2-a9fb-5c16e091fd2d")
	TypeRootX64   = uuid.MustParse("4f68bce3-e8cd-4db1-96e7-fbcaf984b709")
	TypeVerityX64 = uuid.MustParse("2c7357ed-ebd2-46d9-aec1-23d437ec2bf5")
	TypeRootA64   = uuid.MustParse("b921b045-1df0-41c3-af44-4c6f280d3fae")
	TypeVerityA64 = uuid.MustParse("df3300ce-d69f-4c92-978c-9bfb0f38d820")
)

// typeNames are short names for a person to read.
var typeNames = map[uuid.UUID]string{
	TypeESP:       "esp",
	TypeVar:       "var",
	TypeRootX64:   "root-x86-64",
	TypeVerityX64: "root-x86-64-verity",
	TypeRootA64:   "root-arm64",
	TypeVerityA64: "root-arm64-verity",
}

// TypeName returns the name that the Discoverable Partitions Specification
// gives the type, or the GUID.
func TypeName(t uuid.UUID) string {
	if name, ok := typeNames[t]; ok {
		return name
	}
	return t.String()
}

// IsRoot says whether t is the root type of any architecture.
func IsRoot(t uuid.UUID) bool { return t == TypeRootX64 || t == TypeRootA64 }

// IsVerity says whether t is the root verity type of any architecture.
func IsVerity(t uuid.UUID) bool { return t == TypeVerityX64 || t == TypeVerityA64 }

// Partition is one entry. First and Last are sectors, both included.
type Partition struct {
	Index       int // from 1
	Type, GUID  uuid.UUID
	First, Last uint64
	Attributes  uint64
	Label       string
}

// Start returns the offset in bytes from the start of the disk.
func (p Partition) Start() int64 { return int64(p.First) * SectorSize }

// Size returns the size in bytes.
func (p Partition) Size() int64 { return int64(p.Last-p.First+1) * SectorSize }

// Table is a partition table.
type Table struct {
	GUID       uuid.UUID
	Sectors    uint64 // size of the disk
	Partitions []Partition
}

// Gaps returns the ranges of bytes [from, to) that belong to no partition and
// to neither copy of the table.
func (t *Table) Gaps() [][2]int64 {
	parts := slices.Clone(t.Partitions)
	slices.SortFunc(parts, func(a, b Partition) int { return cmp.Compare(a.First, b.First) })
	var gaps [][2]int64
	at := int64(2+arraySectors) * SectorSize
	for _, p := range parts {
		if p.Start() > at {
			gaps = append(gaps, [2]int64{at, p.Start()})
		}
		at = p.Start() + p.Size()
	}
	if end := int64(t.lastUsable()+1) * SectorSize; end > at {
		gaps = append(gaps, [2]int64{at, end})
	}
	return gaps
}

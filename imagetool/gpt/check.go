package gpt

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/slipway-os/slipway/imagetool/problem"
)

var area = problem.Area{Name: "GPT"}

// Check reads both copies of the table and the protective MBR and returns
// everything wrong with them. The table is nil where neither copy is good.
// err is for images that cannot be read or are no GPT disk at all.
func Check(r io.ReaderAt, size int64) (*Table, []problem.Problem, error) {
	primary, backup, err := readSides(r, size)
	if err != nil {
		return nil, nil, err
	}
	if errors.Is(primary.err, ErrNotGPT) && errors.Is(backup.err, ErrNotGPT) {
		return nil, nil, ErrNotGPT
	}
	problems, err := checkMBR(r, size)
	if err != nil {
		return nil, nil, err
	}
	if size%SectorSize != 0 {
		problems = append(problems, area.At(size/SectorSize*SectorSize, size%SectorSize, "image does not end with a whole sector"))
	}
	problems = append(problems, primary.problems(backup)...)
	problems = append(problems, backup.problems(primary)...)
	switch {
	case primary.table == nil:
		return backup.table, problems, nil
	case backup.table != nil:
		if p := compare(primary, backup); p != nil {
			problems = append(problems, *p)
		}
	}
	return primary.table, problems, nil
}

// problems describes the damage of one copy; the other, where it is good,
// tells the very byte.
func (s *side) problems(other *side) []problem.Problem {
	if s.err == nil {
		return nil
	}
	off, length, note := s.errOffset, s.errLength, ""
	if other.table != nil && s.damagedArr {
		if from, to := diff(s.arr, other.arr); to > from {
			off, length = off+int64(from), int64(to-from)
			note = fmt.Sprintf(" (partition entry %d differs from the other copy)", from/EntrySize+1)
		}
	}
	if other.table != nil && !s.damagedArr {
		want := s.expectedHeader(other)
		if from, to := diff(s.header, want); to > from {
			off, length = off+int64(from), int64(to-from)
			note = fmt.Sprintf(" (byte %d of the header differs from what the other copy implies)", from)
		}
	}
	return []problem.Problem{area.At(off, length, "%s partition table: %v%s", s.name, s.err, note)}
}

// expectedHeader makes the header that belongs to the other copy's one.
func (s *side) expectedHeader(other *side) []byte {
	h := bytes.Clone(other.header)
	copy(h[24:32], other.header[32:40])
	copy(h[32:40], other.header[24:32])
	putLBA(h[72:], s.arrayLBA)
	sealHeader(h)
	return h
}

func checkMBR(r io.ReaderAt, size int64) ([]problem.Problem, error) {
	is := make([]byte, SectorSize)
	if _, err := r.ReadAt(is, 0); err != nil {
		return nil, fmt.Errorf("reading protective MBR: %w", err)
	}
	want := protectiveMBR(uint64(size) / SectorSize)
	from, to := diff(is, want)
	if from == to {
		return nil, nil
	}
	return []problem.Problem{area.At(int64(from), int64(to-from), "protective MBR: byte is %#02x, want %#02x", is[from], want[from])}, nil
}

// compare finds a difference between two copies that are each consistent.
func compare(a, b *side) *problem.Problem {
	if from, to := diff(a.arr, b.arr); to > from {
		p := area.At(int64(b.arrayLBA)*SectorSize+int64(from), int64(to-from), "the two partition tables differ in entry %d", from/EntrySize+1)
		return &p
	}
	if a.table.GUID != b.table.GUID {
		p := area.At(int64(b.headerLBA)*SectorSize+56, 16, "the two partition tables have different disk GUIDs")
		return &p
	}
	return nil
}

// diff returns the smallest range that holds all differences; from == to
// where there are none.
func diff(a, b []byte) (from, to int) {
	if bytes.Equal(a, b) {
		return 0, 0
	}
	for a[from] == b[from] {
		from++
	}
	to = len(a)
	for a[to-1] == b[to-1] {
		to--
	}
	return from, to
}

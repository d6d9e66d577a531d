// Package problem describes defects found in an image, each located as exactly
// as the damaged format allows.
package problem

import "fmt"

// BlockSize is the unit, in bytes, in which Problem.Block counts.
const BlockSize = 4096

// Problem is one defect. Offset counts bytes from the start of the image;
// the defect lies in [Offset, Offset+Length). Block is the 4096-byte block of
// the partition in which Offset falls, counted from the partition's start.
type Problem struct {
	// Partition is the partition's label, or "GPT" for the partition table,
	// or "disk" for space that belongs to no partition.
	Partition string `json:"partition"`
	Block     int64  `json:"block"`
	Offset    int64  `json:"offset"`
	Length    int64  `json:"length"`
	Message   string `json:"message"`
}

// String returns one line that a person can act on.
func (p Problem) String() string {
	return fmt.Sprintf("%s: block %d, byte offset %d (length %d): %s", p.Partition, p.Block, p.Offset, p.Length, p.Message)
}

// Area is a part of the image in which offsets are counted from Start.
type Area struct {
	Name  string // partition label, "GPT" or "disk"
	Start int64  // bytes from the start of the image
}

// At makes a Problem from an offset and length in the area, both in bytes.
func (a Area) At(offset, length int64, format string, args ...any) Problem {
	return Problem{
		Partition: a.Name,
		Block:     offset / BlockSize,
		Offset:    a.Start + offset,
		Length:    length,
		Message:   fmt.Sprintf(format, args...),
	}
}

// Package layout reads the TOML file that says which partitions a disk image
// has, how large they are and how the root file system is made.
//
// See variants/layouts/ab.toml for a commented example.
package layout

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/pelletier/go-toml/v2"
)

// Schema is the only value of the key "schema" that this package reads.
const Schema = 1

// Alignment is that of every partition, and the space kept free for the
// partition tables at both ends of the disk.
const Alignment = MiB

// MaxDisk bounds the disk image, so that a slip in a layout cannot ask for
// more than a 32-bit count of 512-byte sectors in the protective MBR can say.
const MaxDisk = 1024 * GiB

// Layout is one disk layout.
type Layout struct {
	Schema     int         `toml:"schema"`
	Root       Root        `toml:"root"`
	State      State       `toml:"state"`
	Budget     Budget      `toml:"budget"`
	Partitions []Partition `toml:"partition"`
}

// Root says how the EROFS image is made.
type Root struct {
	// Compression is "none" or "lz4hc".
	Compression string `toml:"compression"`
	// Level is the compressor's level; 0 is its default.
	Level int `toml:"level"`
	// Cluster is the largest physical cluster; update.md bounds it to 64 KiB.
	Cluster Size `toml:"cluster"`
}

// State says how the file system of the state partition is made.
type State struct {
	// Journal is the size of the ext4 journal, which does not grow later.
	Journal Size `toml:"journal"`
}

// Budget is the build gate on how full partitions may be.
type Budget struct {
	// LimitPercent is the largest share of a partition that may be used.
	LimitPercent int `toml:"limit-percent"`
}

// Role says what a partition is for; it decides type GUID and contents.
type Role string

// The roles that a partition can have.
const (
	ESP    Role = "esp"
	RootFS Role = "root"
	Hash   Role = "hash"
	Var    Role = "state"
)

// Partition is one partition of the layout, in disk order.
type Partition struct {
	Label string `toml:"label"`
	Role  Role   `toml:"role"`
	// Slot is "A" or "B" for the roles root and hash, else empty.
	Slot string `toml:"slot"`
	Size Size   `toml:"size"`
}

// Default returns the values that hold where the file says nothing.
func Default() Layout {
	return Layout{
		Root:   Root{Compression: "lz4hc", Level: 9, Cluster: 64 * KiB},
		State:  State{Journal: 4 * MiB},
		Budget: Budget{LimitPercent: 85},
	}
}

// ReadFile reads and checks the layout at path.
func ReadFile(path string) (*Layout, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading layout: %w", err)
	}
	l, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("layout %s: %w", path, err)
	}
	return l, nil
}

// Parse reads and checks a layout. Errors of syntax and unknown keys carry
// the line.
func Parse(data []byte) (*Layout, error) {
	l := Default()
	err := toml.NewDecoder(bytes.NewReader(data)).DisallowUnknownFields().Decode(&l)
	if err != nil {
		return nil, locate(err)
	}
	if err := l.check(); err != nil {
		return nil, err
	}
	return &l, nil
}

// locate puts the line and the key in front of an error of the TOML decoder.
func locate(err error) error {
	var strict *toml.StrictMissingError
	if errors.As(err, &strict) {
		var all []error
		for _, e := range strict.Errors {
			row, _ := e.Position()
			all = append(all, fmt.Errorf("line %d: unknown key %q", row, keyString(e.Key())))
		}
		return errors.Join(all...)
	}
	var decode *toml.DecodeError
	if errors.As(err, &decode) {
		row, _ := decode.Position()
		return fmt.Errorf("line %d: %s", row, decode.Error())
	}
	return err
}

func keyString(key toml.Key) string {
	var b bytes.Buffer
	for i, part := range key {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(part)
	}
	return b.String()
}

// DiskSize returns the size of the image in bytes.
func (l *Layout) DiskSize() int64 {
	total := 2 * Alignment
	for _, p := range l.Partitions {
		total += p.Size
	}
	return int64(total)
}

// Find returns the partition with the role and slot, or nil.
func (l *Layout) Find(role Role, slot string) *Partition {
	for i := range l.Partitions {
		if p := &l.Partitions[i]; p.Role == role && p.Slot == slot {
			return p
		}
	}
	return nil
}

// Slots returns the slots in disk order.
func (l *Layout) Slots() []string {
	var slots []string
	for _, p := range l.Partitions {
		if p.Role == RootFS {
			slots = append(slots, p.Slot)
		}
	}
	return slots
}

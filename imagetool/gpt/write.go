package gpt

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/diskfs/go-diskfs/backend/file"
	diskgpt "github.com/diskfs/go-diskfs/partition/gpt"
)

// Write writes both copies of the table and the protective MBR to f, which
// must have t.Sectors sectors.
func Write(f *os.File, t Table) error {
	if t.Sectors < minSectors {
		return fmt.Errorf("disk has %d sectors, a GPT needs %d", t.Sectors, minSectors)
	}
	if err := t.checkPlaces(); err != nil {
		return err
	}
	out := &diskgpt.Table{
		LogicalSectorSize:  SectorSize,
		PhysicalSectorSize: SectorSize,
		GUID:               strings.ToUpper(t.GUID.String()),
		ProtectiveMBR:      true,
	}
	for _, p := range t.Partitions {
		out.Partitions = append(out.Partitions, &diskgpt.Partition{
			Index:      p.Index,
			Start:      p.First,
			End:        p.Last,
			Type:       diskgpt.Type(strings.ToUpper(p.Type.String())),
			GUID:       strings.ToUpper(p.GUID.String()),
			Name:       p.Label,
			Attributes: p.Attributes,
		})
	}
	w, err := file.New(f, false).Writable()
	if err != nil {
		return fmt.Errorf("opening disk for writing: %w", err)
	}
	if err := out.Write(w, int64(t.Sectors)*SectorSize); err != nil {
		return fmt.Errorf("writing partition table: %w", err)
	}
	return writeMBR(f, t.Sectors)
}

// writeMBR writes the protective MBR again: go-diskfs leaves the CHS fields
// zero, where UEFI 5.2.3 (table 5.4) wants 0/0/2 and 0xFFFFFF.
func writeMBR(f *os.File, sectors uint64) error {
	if _, err := f.WriteAt(protectiveMBR(sectors), 0); err != nil {
		return fmt.Errorf("writing protective MBR: %w", err)
	}
	return nil
}

// checkPlaces refuses partitions that overlap or leave the usable sectors.
func (t *Table) checkPlaces() error {
	parts := slices.Clone(t.Partitions)
	slices.SortFunc(parts, func(a, b Partition) int { return cmp.Compare(a.First, b.First) })
	free := uint64(2 + arraySectors)
	for _, p := range parts {
		switch {
		case p.First < free:
			return fmt.Errorf("partition %d (%q) begins at sector %d, which is taken", p.Index, p.Label, p.First)
		case p.Last < p.First:
			return fmt.Errorf("partition %d (%q) ends before it begins", p.Index, p.Label)
		case p.Last > t.lastUsable():
			return fmt.Errorf("partition %d (%q) ends at sector %d, the last usable one is %d", p.Index, p.Label, p.Last, t.lastUsable())
		}
		free = p.Last + 1
	}
	return nil
}

func (t *Table) lastUsable() uint64 { return t.Sectors - 2 - arraySectors }

package gpt

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf16"

	"github.com/google/uuid"
)

// Disk is what Update needs of a disk. Sync returns when all that was written
// would survive a power cut.
type Disk interface {
	io.ReaderAt
	io.WriterAt
	Sync() error
}

// Change is what one partition, named by its Index, is called from now on.
type Change struct {
	Index int
	GUID  uuid.UUID
	Label string
}

// labelUnits is how many UTF-16 units a label has room for.
const labelUnits = 36

// Update changes entries of the table on a disk of size bytes, and nothing
// else there. A power cut at any moment leaves one good copy, with all of the
// changes or none: the second copy is written first, and the first one only
// when that is on the disk. A first copy that is damaged is made good from the
// second before anything is changed.
func Update(d Disk, size int64, changes ...Change) error {
	primary, backup, err := readSides(d, size)
	if err != nil {
		return err
	}
	if primary.table == nil {
		if primary, err = repair(d, size, primary, backup); err != nil {
			return err
		}
	}
	next := &side{name: primary.name, headerLBA: primary.headerLBA, arrayLBA: primary.arrayLBA}
	if next.arr, err = changed(primary, changes); err != nil {
		return err
	}
	next.header = append([]byte(nil), primary.header...)
	binary.LittleEndian.PutUint32(next.header[88:], crc32.ChecksumIEEE(next.arr))
	sealHeader(next.header)
	if err := backup.replace(d, next.arr, backup.expectedHeader(next)); err != nil {
		return err
	}
	return primary.replace(d, next.arr, next.header)
}

// repair writes the first copy from the second, where that is good.
func repair(d Disk, size int64, primary, backup *side) (*side, error) {
	if backup.table == nil {
		return nil, fmt.Errorf("both partition tables are damaged: first: %w; second: %w", primary.err, backup.err)
	}
	if err := primary.replace(d, backup.arr, primary.expectedHeader(backup)); err != nil {
		return nil, err
	}
	again, _, err := readSides(d, size)
	if err == nil && again.table == nil {
		err = fmt.Errorf("first partition table is damaged, and still after it was written again: %w", again.err)
	}
	return again, err
}

// changed returns the partition array with the changes made.
func changed(s *side, changes []Change) ([]byte, error) {
	arr := append([]byte(nil), s.arr...)
	after := map[int]Partition{}
	for _, p := range s.table.Partitions {
		after[p.Index] = p
	}
	for _, c := range changes {
		p, ok := after[c.Index]
		if !ok {
			return nil, fmt.Errorf("there is no partition %d", c.Index)
		}
		label := utf16.Encode([]rune(c.Label))
		if len(label) > labelUnits {
			return nil, fmt.Errorf("label %q has %d UTF-16 units, %d fit", c.Label, len(label), labelUnits)
		}
		p.GUID = c.GUID
		after[c.Index] = p
		putEntry(arr[(c.Index-1)*EntrySize:c.Index*EntrySize], c.GUID, label)
	}
	return arr, checkGUIDs(after)
}

// putEntry sets GUID and label of an entry of the array.
func putEntry(e []byte, guid uuid.UUID, label []uint16) {
	disk := guidFromDisk(guid[:]) // the same turn goes both ways
	copy(e[16:32], disk[:])
	clear(e[56:128])
	for i, u := range label {
		binary.LittleEndian.PutUint16(e[56+2*i:], u)
	}
}

// checkGUIDs refuses two partitions with one GUID: whoever looks for it would
// find either.
func checkGUIDs(parts map[int]Partition) error {
	seen := map[uuid.UUID]int{}
	for index, p := range parts {
		if other, ok := seen[p.GUID]; ok {
			return fmt.Errorf("partitions %d and %d would have one GUID, %s", min(index, other), max(index, other), p.GUID)
		}
		seen[p.GUID] = index
	}
	return nil
}

// replace writes the sectors of one copy that differ from what is there, the
// header last, and waits until they are on the disk.
func (s *side) replace(d Disk, arr, header []byte) error {
	for _, part := range []struct {
		lba      uint64
		is, want []byte
	}{{s.arrayLBA, s.arr, arr}, {s.headerLBA, s.header, header}} {
		from, to := diff(part.is, part.want)
		if from == to {
			continue
		}
		from, to = from/SectorSize*SectorSize, (to+SectorSize-1)/SectorSize*SectorSize
		if _, err := d.WriteAt(part.want[from:to], int64(part.lba)*SectorSize+int64(from)); err != nil {
			return fmt.Errorf("writing %s partition table: %w", s.name, err)
		}
	}
	if err := d.Sync(); err != nil {
		return fmt.Errorf("writing %s partition table to the disk: %w", s.name, err)
	}
	return nil
}

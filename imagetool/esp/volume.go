package esp

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// Offsets in the boot sector and the FSInfo sector, in bytes.
const (
	offVolumeID  = 67
	offFreeCount = 488
)

// Values of FAT32 entries, of which 28 bits count.
const (
	fatMask = 0x0fffffff
	fatBad  = 0x0ffffff7
	fatEnd  = 0x0ffffff8 // and above
)

// maxVolume bounds the partition that is read, and so the memory that its
// FAT takes (64 MiB).
const maxVolume = 8 << 30

// ErrNotFAT32 says that there is no FAT32 file system.
var ErrNotFAT32 = errors.New("no FAT32 file system")

// Volume is an open FAT32 file system.
type Volume struct {
	r          io.ReaderAt
	sector     int64 // bytes
	cluster    int64 // bytes
	backupBoot int64 // offset of the second boot sector in bytes
	infoAt     int64 // offset of the FSInfo sector in bytes
	fatStart   int64
	fatSize    int64 // bytes of one copy
	dataStart  int64
	clusters   uint32 // number of data clusters; the first has number 2
	root       uint32
	fat        []uint32
	rawFAT     []byte
}

// Open reads the geometry and the first FAT of a file system in the first
// size bytes of r.
func Open(r io.ReaderAt, size int64) (*Volume, error) {
	if size > maxVolume {
		return nil, fmt.Errorf("partition has %d bytes, at most %d are supported", size, int64(maxVolume))
	}
	boot := make([]byte, 512)
	if _, err := r.ReadAt(boot, 0); err != nil {
		return nil, fmt.Errorf("%w: reading boot sector: %w", ErrNotFAT32, err)
	}
	v := &Volume{r: r}
	if err := v.parseBoot(boot, size); err != nil {
		return nil, err
	}
	v.rawFAT = make([]byte, v.fatSize)
	if _, err := r.ReadAt(v.rawFAT, v.fatStart); err != nil {
		return nil, fmt.Errorf("reading FAT: %w", err)
	}
	v.fat = make([]uint32, v.clusters+2)
	for i := range v.fat {
		v.fat[i] = binary.LittleEndian.Uint32(v.rawFAT[4*i:]) & fatMask
	}
	return v, nil
}

// parseBoot reads the BIOS parameter block and checks that everything that it
// says lies within size.
func (v *Volume) parseBoot(b []byte, size int64) error {
	le := binary.LittleEndian
	if b[510] != 0x55 || b[511] != 0xaa {
		return fmt.Errorf("%w: boot sector has no signature", ErrNotFAT32)
	}
	perCluster := int64(b[13])
	reserved, fats := int64(le.Uint16(b[14:])), int64(b[16])
	total, fatSectors := int64(le.Uint32(b[32:])), int64(le.Uint32(b[36:]))
	v.sector, v.root = int64(le.Uint16(b[11:])), le.Uint32(b[44:])
	switch {
	case v.sector != 512 && v.sector != 4096:
		return fmt.Errorf("%w: sectors have %d bytes", ErrNotFAT32, v.sector)
	case perCluster == 0 || perCluster&(perCluster-1) != 0:
		return fmt.Errorf("%w: %d sectors in a cluster", ErrNotFAT32, perCluster)
	case le.Uint16(b[17:]) != 0 || le.Uint16(b[22:]) != 0 || fatSectors == 0:
		return fmt.Errorf("%w: boot sector is that of FAT12 or FAT16", ErrNotFAT32)
	case fats != 2 || reserved < 8:
		return fmt.Errorf("%w: %d FATs after %d reserved sectors, want 2 after at least 8", ErrNotFAT32, fats, reserved)
	case total*v.sector > size:
		return fmt.Errorf("FAT32 counts %d bytes, the partition has %d", total*v.sector, size)
	}
	v.cluster = perCluster * v.sector
	v.fatStart, v.fatSize = reserved*v.sector, fatSectors*v.sector
	v.dataStart = v.fatStart + 2*v.fatSize
	v.infoAt, v.backupBoot = int64(le.Uint16(b[48:]))*v.sector, int64(le.Uint16(b[50:]))*v.sector
	data := total*v.sector - v.dataStart
	if data < v.cluster || data/v.cluster > v.fatSize/4-2 {
		return fmt.Errorf("FAT32 with %d bytes of data and FATs of %d bytes is impossible", data, v.fatSize)
	}
	v.clusters = uint32(data / v.cluster)
	if v.infoAt != v.sector || v.backupBoot != 6*v.sector {
		return fmt.Errorf("FSInfo and second boot sector are at bytes %d and %d, want %d and %d", v.infoAt, v.backupBoot, v.sector, 6*v.sector)
	}
	return nil
}

// offset returns where cluster c begins, in bytes from the partition's start.
func (v *Volume) offset(c uint32) int64 { return v.dataStart + int64(c-2)*v.cluster }

// valid says whether c is the number of a data cluster.
func (v *Volume) valid(c uint32) bool { return c >= 2 && c-2 < v.clusters }

// free returns the number of free clusters.
func (v *Volume) free() uint32 {
	n := uint32(0)
	for _, e := range v.fat[2:] {
		if e == 0 {
			n++
		}
	}
	return n
}

// lastUsed returns the highest cluster in use, from which a writer goes on.
func (v *Volume) lastUsed() uint32 {
	for c := uint32(len(v.fat)) - 1; c >= 2; c-- {
		if v.fat[c] != 0 {
			return c
		}
	}
	return 2
}

// Used returns the bytes that are not free: boot sectors, FATs and clusters.
func (v *Volume) Used() int64 {
	return v.dataStart + int64(v.clusters-v.free())*v.cluster
}

// chain returns the clusters from first on. It ends with an error where the
// chain leaves the volume, meets a free or bad cluster, or one in taken.
func (v *Volume) chain(first uint32, taken map[uint32]string, name string) ([]uint32, error) {
	var list []uint32
	for c := first; ; c = v.fat[c] {
		switch {
		case len(list) > 0 && c >= fatEnd:
			return list, nil
		case !v.valid(c):
			return list, fmt.Errorf("%s: cluster chain leads to %#x after %d clusters", name, c, len(list))
		case taken[c] != "":
			return list, fmt.Errorf("%s: cluster %d also belongs to %s", name, c, taken[c])
		}
		taken[c] = name
		list = append(list, c)
	}
}

package esp

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/slipway-os/slipway/imagetool/problem"
)

// Check checks the file system in the first size bytes of r as fsck.vfat
// would. The volume is nil where nothing of it can be read.
func Check(r io.ReaderAt, size int64, area problem.Area) (*Volume, []problem.Problem) {
	v, err := Open(r, size)
	if err != nil {
		return nil, []problem.Problem{area.At(0, 512, "%v", err)}
	}
	problems := v.checkBoot(area)
	problems = append(problems, v.checkInfo(area)...)
	problems = append(problems, v.checkFATs(area)...)
	t, _ := v.walk()
	for _, err := range t.errs {
		problems = append(problems, area.At(v.dataStart, 0, "%v", err))
	}
	for _, d := range t.dots {
		problems = append(problems, area.At(d.at, 32, "%v", d.err))
	}
	for c := uint32(2); c < v.clusters+2; c++ {
		if e := v.fat[c]; e != 0 && e != fatBad && t.taken[c] == "" {
			problems = append(problems, area.At(v.fatStart+4*int64(c), 4, "cluster %d is in use, but belongs to no file", c))
			break // one lost cluster tells enough; a lost chain would fill the list
		}
	}
	return v, problems
}

// checkBoot compares the two boot sectors.
func (v *Volume) checkBoot(area problem.Area) []problem.Problem {
	first, second := make([]byte, 512), make([]byte, 512)
	if err := v.readBoth(first, second, 0, v.backupBoot); err != nil {
		return []problem.Problem{area.At(0, 512, "reading boot sectors: %v", err)}
	}
	return compare(area, first, second, 0, "the boot sector differs from its copy")
}

func (v *Volume) readBoth(a, b []byte, offA, offB int64) error {
	if _, err := v.r.ReadAt(a, offA); err != nil {
		return err
	}
	_, err := v.r.ReadAt(b, offB)
	return err
}

// compare reports the first difference, counted from base.
func compare(area problem.Area, a, b []byte, base int64, message string) []problem.Problem {
	for i := range a {
		if a[i] != b[i] {
			return []problem.Problem{area.At(base+int64(i), 1, "%s: %#02x and %#02x", message, a[i], b[i])}
		}
	}
	return nil
}

// checkInfo checks the FSInfo sector and its count of free clusters.
func (v *Volume) checkInfo(area problem.Area) []problem.Problem {
	b, second := make([]byte, 512), make([]byte, 512)
	if err := v.readBoth(b, second, v.infoAt, v.backupBoot+v.sector); err != nil {
		return []problem.Problem{area.At(v.infoAt, 512, "reading FSInfo: %v", err)}
	}
	le := binary.LittleEndian
	if le.Uint32(b) != 0x41615252 || le.Uint32(b[484:]) != 0x61417272 || le.Uint32(b[508:]) != 0xaa550000 {
		return []problem.Problem{area.At(v.infoAt, 512, "FSInfo has a wrong signature")}
	}
	for i, c := range b[4:484] {
		if c != 0 {
			return []problem.Problem{area.At(v.infoAt+4+int64(i), 1, "reserved byte of FSInfo is not zero")}
		}
	}
	if n := le.Uint32(b[offFreeCount:]); n != v.free() && n != 0xffffffff {
		return []problem.Problem{area.At(v.infoAt+offFreeCount, 4, "FSInfo counts %d free clusters, there are %d", n, v.free())}
	}
	return nil
}

// checkFATs compares the two copies of the FAT.
func (v *Volume) checkFATs(area problem.Area) []problem.Problem {
	second := make([]byte, v.fatSize)
	if _, err := v.r.ReadAt(second, v.fatStart+v.fatSize); err != nil {
		return []problem.Problem{area.At(v.fatStart+v.fatSize, v.fatSize, "reading the second FAT: %v", err)}
	}
	return compare(area, v.rawFAT, second, v.fatStart, fmt.Sprintf("the FAT differs from its copy at byte %d", v.fatStart+v.fatSize))
}

// Package verify checks everything of a disk image that can be checked without
// booting it, and says where each damaged byte lies.
package verify

import (
	"fmt"
	"io"

	"github.com/slipway-os/slipway/imagetool/disk"
	"github.com/slipway-os/slipway/imagetool/ext4"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/inspect"
	"github.com/slipway-os/slipway/imagetool/problem"
)

// Result is what Image found.
type Result struct {
	OK       bool              `json:"ok"`
	Checked  []string          `json:"checked"`
	Problems []problem.Problem `json:"problems"`
}

// Write writes what was checked to out and each problem as a line to errs.
func (r *Result) Write(out, errs io.Writer) error {
	for _, p := range r.Problems {
		if _, err := fmt.Fprintf(errs, "imagetool: %s\n", p); err != nil {
			return err
		}
	}
	for _, c := range r.Checked {
		if _, err := fmt.Fprintf(out, "checked: %s\n", c); err != nil {
			return err
		}
	}
	verdict := "image is good"
	if !r.OK {
		verdict = fmt.Sprintf("image is damaged: %d problems", len(r.Problems))
	}
	_, err := fmt.Fprintln(out, verdict)
	return err
}

// verifier is the state of one run.
type verifier struct {
	r     io.ReaderAt
	size  int64
	table *gpt.Table
	ukis  []bootEntry
	Result
}

func (v *verifier) report(p ...problem.Problem) { v.Problems = append(v.Problems, p...) }

func (v *verifier) checked(format string, args ...any) {
	v.Checked = append(v.Checked, fmt.Sprintf(format, args...))
}

// section returns a reader of a partition, and the area for its problems.
func (v *verifier) section(p gpt.Partition) (*io.SectionReader, problem.Area) {
	return io.NewSectionReader(v.r, p.Start(), p.Size()), problem.Area{Name: p.Label, Start: p.Start()}
}

// Image checks the disk image r of size bytes. Everything wrong with it is in
// the result; err is for what cannot be read or is no disk image at all.
func Image(r io.ReaderAt, size int64) (*Result, error) {
	v := &verifier{r: r, size: size}
	var problems []problem.Problem
	var err error
	if v.table, problems, err = gpt.Check(r, size); err != nil {
		return nil, err
	}
	v.report(problems...)
	v.checked("protective MBR and both partition tables")
	if v.table != nil {
		if err := v.partitions(); err != nil {
			return nil, err
		}
	}
	v.OK = len(v.Problems) == 0
	if v.Problems == nil {
		v.Problems = []problem.Problem{} // [] in JSON, not null
	}
	return &v.Result, nil
}

// partitions checks what the table describes.
func (v *verifier) partitions() error {
	if err := v.checkGaps(); err != nil {
		return err
	}
	for _, p := range v.table.Partitions {
		if p.Type == gpt.TypeESP {
			v.checkESP(p)
		}
	}
	if len(v.ukis) == 0 {
		v.report(problem.Area{Name: "disk"}.At(0, 0, "no UKI in EFI/Linux of any EFI system partition: nothing boots"))
	}
	if err := v.checkSlots(); err != nil {
		return err
	}
	for _, p := range v.table.Partitions {
		if p.Type == gpt.TypeVar {
			v.checkState(p)
		}
	}
	return nil
}

// checkGaps finds bytes in space that belongs to no partition.
func (v *verifier) checkGaps() error {
	area := problem.Area{Name: "disk"}
	for _, gap := range v.table.Gaps() {
		at, err := disk.FirstNonZero(v.r, gap[0], gap[1])
		if err != nil {
			return fmt.Errorf("reading the space between partitions: %w", err)
		}
		if at >= 0 {
			v.report(area.At(at, gap[1]-at, "space that belongs to no partition is not zero"))
		}
	}
	v.checked("space between partitions")
	return nil
}

// checkState checks the superblock of the state partition.
func (v *verifier) checkState(p gpt.Partition) {
	r, area := v.section(p)
	head := make([]byte, 4)
	if _, err := r.ReadAt(head, 0); err == nil && string(head) == "XFSB" {
		v.checked("%s: XFS magic number", p.Label)
		return
	}
	sb, err := ext4.ReadSuperblock(r)
	switch {
	case err != nil:
		v.report(area.At(1024, 1024, "%v", err))
	case sb.Size() > p.Size():
		v.report(area.At(1024, 1024, "ext4 has %d bytes, the partition %d", sb.Size(), p.Size()))
	default:
		v.checked("%s: ext4 superblock", p.Label)
	}
}

// slotOf returns the hash partition beside a root partition.
func (v *verifier) slotOf(root gpt.Partition) (hash gpt.Partition, found bool) {
	for _, p := range v.table.Partitions {
		if gpt.IsVerity(p.Type) && inspect.Slot(p) == inspect.Slot(root) {
			return p, true
		}
	}
	return gpt.Partition{}, false
}

// Package budget shows how full the partitions of an image are and refuses an
// image that leaves too little room for its successors.
package budget

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
)

// DefaultLimit is the share in percent that may be used where no layout says
// otherwise.
const DefaultLimit = 85

// Line is the budget of one partition, in bytes.
type Line struct {
	Label      string
	Size, Used int64
	// Reserved is space not used yet that the other slot will need.
	Reserved int64
}

func (l Line) percent() float64 {
	return 100 * float64(l.Used+l.Reserved) / float64(l.Size)
}

// Growth returns by how many bytes the content may grow within limit percent;
// negative where it is beyond.
func (l Line) Growth(limit int) int64 {
	return l.Size/100*int64(limit) - l.Used - l.Reserved
}

// Write writes the table.
func Write(w io.Writer, lines []Line, limit int) error {
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(tw, "PARTITION\tSIZE\tUSED\tRESERVED\tFREE\tFULL\tGROWTH LEFT\t\n")
	for _, l := range lines {
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%.1f %%\t%s\t\n", l.Label, MiB(l.Size), MiB(l.Used), MiB(l.Reserved),
			MiB(l.Size-l.Used-l.Reserved), l.percent(), MiB(l.Growth(limit)))
	}
	return tw.Flush()
}

// Check returns an error for every partition that is fuller than limit percent.
func Check(lines []Line, limit int) error {
	var errs []error
	for _, l := range lines {
		if growth := l.Growth(limit); growth < 0 {
			errs = append(errs, fmt.Errorf("partition %q would be %.1f %% full (%s of %s), the limit is %d %%: enlarge it in the layout by at least %s or take something out",
				l.Label, l.percent(), MiB(l.Used+l.Reserved), MiB(l.Size), limit, MiB((-growth*100+int64(limit)-1)/int64(limit))))
		}
	}
	return errors.Join(errs...)
}

// MiB formats a number of bytes.
func MiB(n int64) string { return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20)) }

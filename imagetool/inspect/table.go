package inspect

import (
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/slipway-os/slipway/imagetool/budget"
)

// WriteTable writes the report for a person to read.
func (r *Report) WriteTable(w io.Writer) error {
	fmt.Fprintf(w, "disk %s, %s\n\n", r.DiskGUID, budget.MiB(r.Size))
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintf(tw, "#\tLABEL\tTYPE\tCONTENT\tSTART\tSIZE\tUSED\tHEADROOM\tSLOT\tVERSION\tROOT HASH\n")
	for _, p := range r.Partitions {
		fmt.Fprintf(tw, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", p.Index, p.Label, p.Type, p.Content,
			budget.MiB(p.Start), budget.MiB(p.Size), budget.MiB(p.Used), budget.MiB(p.Size-p.Used),
			dash(p.Slot), dash(p.Version), dash(short(p.RootHash)))
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	for _, u := range r.UKIs {
		fmt.Fprintf(w, "\n%s: %s, %s\n", u.Path, budget.MiB(u.Size), u.Arch)
		if u.Error != "" {
			fmt.Fprintf(w, "  damaged:   %s\n", u.Error)
			continue
		}
		fmt.Fprintf(w, "  version:   %s %s, slot %s\n  kernel:    %s\n  root hash: %s\n  cmdline:   %s\n",
			u.ID, u.Version, dash(u.Slot), dash(u.Kernel), u.RootHash, u.Cmdline)
	}
	return nil
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// short shortens a root hash; the whole one stands below the table.
func short(hash string) string {
	if len(hash) > 16 {
		return hash[:16] + "…"
	}
	return hash
}

// Budget returns the budget of every partition with known content. The boot
// partition must also have room for the other slots' UKIs, as large as the
// largest one there now.
func (r *Report) Budget() []budget.Line {
	slots, largest := 0, int64(0)
	for _, p := range r.Partitions {
		if p.Type == "root-x86-64" || p.Type == "root-arm64" {
			slots++
		}
	}
	for _, u := range r.UKIs {
		largest = max(largest, u.Size)
	}
	var lines []budget.Line
	for _, p := range r.Partitions {
		l := budget.Line{Label: p.Label, Size: p.Size, Used: p.Used}
		if p.Content == "fat32" {
			l.Reserved = int64(max(slots-len(r.UKIs), 0)) * largest
		}
		lines = append(lines, l)
	}
	return lines
}

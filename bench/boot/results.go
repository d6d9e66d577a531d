package main

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
)

// A sample is one boot.
type sample struct {
	Total     float64 `json:"total_seconds"`    // power on to ready, wall clock
	Firmware  float64 `json:"firmware_seconds"` // of it, before the boot loader; 0: not known
	UsedBytes uint64  `json:"used_bytes"`       // memory at idle
}

// String is for progress.
func (s sample) String() string {
	return fmt.Sprintf("%.2f s (%.2f s of it in the firmware), %.1f MiB used", s.Total, s.Firmware, mib(s.UsedBytes))
}

// results are all boots.
type results struct {
	Accel    string   `json:"accelerator"`
	Image    []sample `json:"image"`    // to the API's first answer
	Baseline []sample `json:"baseline"` // to multi-user.target
}

// table compares medians. A ratio below 1 is in the image's favour.
func (r results) table() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Accelerator: %s; medians of %d boots\n\n", r.Accel, len(r.Image))
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "\timage\tbaseline\tratio\t")
	row := func(what, format string, of func(sample) float64) {
		image, baseline := median(r.Image, of), median(r.Baseline, of)
		fmt.Fprintf(w, "%s\t"+format+"\t"+format+"\t%.2f\t\n", what, image, baseline, image/baseline)
	}
	row("boot (API answers; multi-user.target)", "%.2f s", func(s sample) float64 { return s.Total })
	row("of it after the firmware", "%.2f s", func(s sample) float64 { return s.Total - s.Firmware })
	row("memory used at idle", "%.1f MiB", func(s sample) float64 { return mib(s.UsedBytes) })
	w.Flush()
	return b.String()
}

// median of what of takes from each sample; 0 if there are none.
func median(samples []sample, of func(sample) float64) float64 {
	var values []float64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	n := len(values)
	switch {
	case n == 0:
		return 0
	case n%2 == 1:
		return values[n/2]
	default:
		return (values[n/2-1] + values[n/2]) / 2
	}
}

func mib(bytes uint64) float64 { return float64(bytes) / (1 << 20) }

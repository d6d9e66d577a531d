package apiclient

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
)

func tableOS(w io.Writer, os api.OS) error {
	readOnly := "writable"
	if os.Root.ReadOnly {
		readOnly = "read-only"
	}
	return table(w, [][2]string{
		{"Release", os.PrettyName},
		{"Build", os.BuildID},
		{"Kernel", os.Kernel + " " + os.Arch},
		{"Slot", os.Slot},
		{"Root", fmt.Sprintf("%s %s %s, verity %s", os.Root.Device, os.Root.FSType, readOnly, os.Root.Verity)},
		{"Root hash", os.RootHash},
		{"State", fmt.Sprintf("%s %s, %s of %s free", os.State.Device, os.State.FSType, size(os.State.AvailableBytes), size(os.State.SizeBytes))},
		{"Boot", fmt.Sprintf("number %d, the first was %s", os.Boot.Count, os.Boot.FirstBoot.Format(time.RFC3339))},
		{"Up for", (time.Duration(os.Boot.UptimeSeconds) * time.Second).String()},
	})
}

func tableHealth(w io.Writer, h api.Health) error {
	rows := [][2]string{{"Status", fmt.Sprintf("%s since %s", h.Status, h.Since.Format(time.RFC3339))}}
	for _, c := range h.Checks {
		state := "ok"
		if !c.OK {
			state = "NOT OK"
		}
		if c.Message != "" {
			state += ": " + c.Message
		}
		rows = append(rows, [2]string{c.Name, state})
	}
	return table(w, rows)
}

func table(w io.Writer, rows [][2]string) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, r := range rows {
		fmt.Fprintf(tw, "%s\t%s\n", r[0], r[1])
	}
	return tw.Flush()
}

// size prints bytes with three digits: 7.50 GiB.
func size(n uint64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	v, u := float64(n), 0
	for v >= 1000 && u < len(units)-1 {
		v, u = v/1024, u+1
	}
	switch {
	case u == 0:
		return fmt.Sprintf("%d B", n)
	case v < 10:
		return fmt.Sprintf("%.2f %s", v, units[u])
	case v < 100:
		return fmt.Sprintf("%.1f %s", v, units[u])
	}
	return fmt.Sprintf("%.0f %s", v, units[u])
}

package apiclient

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/settings"
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

// tableValues prints a line for each value: its full key and the value, text
// without quotes, all else as JSON.
func tableValues(w io.Writer, tree map[string]any) error {
	var rows [][2]string
	for _, part := range slices.Sorted(maps.Keys(tree)) {
		flatten(&rows, part, nil, tree[part])
	}
	return table(w, rows)
}

func flatten(rows *[][2]string, part string, k settings.Key, v any) {
	level, ok := v.(map[string]any)
	if !ok || len(level) == 0 {
		name := part
		if len(k) > 0 {
			name += "." + k.String()
		}
		*rows = append(*rows, [2]string{name, plain(v)})
		return
	}
	for _, name := range slices.Sorted(maps.Keys(level)) {
		flatten(rows, part, append(slices.Clone(k), name), level[name])
	}
}

// plain is a value for people.
func plain(v any) string {
	if s, ok := v.(string); ok && s != "" && s == printable(s) && !strings.Contains(s, "\t") {
		return s
	}
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return string(b)
}

func tableDiff(w io.Writer, d api.Diff) error {
	for _, c := range d.Changes {
		if c.Before != nil {
			fmt.Fprintf(w, "- %s = %s\n", c.Key, c.Before)
		}
		if c.After != nil {
			fmt.Fprintf(w, "+ %s = %s\n", c.Key, c.After)
		}
	}
	for _, f := range d.Files {
		fmt.Fprintf(w, "file %s\n", f)
	}
	for _, u := range d.Units {
		fmt.Fprintf(w, "unit %s\n", u)
	}
	if len(d.Changes) == 0 {
		fmt.Fprintln(w, "no change")
	}
	return nil
}

func tableTry(w io.Writer, try api.Try) error {
	_, err := fmt.Fprintf(w, "In force for %.0fs unless it is confirmed (apiclient confirm): %s\n", try.Seconds, strings.Join(try.Keys, ", "))
	return err
}

func tableServices(w io.Writer, services map[string]api.Service) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "SERVICE\tSTATE\tCONFIGURATION FILES")
	for _, name := range slices.Sorted(maps.Keys(services)) {
		s := services[name]
		fmt.Fprintf(tw, "%s\t%s\t%s\n", name, s.State, strings.Join(s.ConfigurationFiles, ", "))
	}
	return tw.Flush()
}

func tableAudit(w io.Writer, records []audit.Record) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "TIME\tWHO\tACTION\tTX\tSETTINGS\tRESULT")
	for _, r := range records {
		var keys []string
		for _, c := range r.Changes {
			keys = append(keys, c.Key)
		}
		result := "ok"
		if r.Error != "" {
			result = r.Error
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\t%s\n", r.Time.Format(time.RFC3339), who(r.Who), printable(r.Action),
			r.Transaction, strings.Join(keys, ","), printable(result))
	}
	return tw.Flush()
}

// who names a requester in one word: "uid 0 (/usr/bin/slipway)", or the door.
func who(w audit.Who) string {
	if w.UID == audit.Unknown {
		return w.Door
	}
	name := fmt.Sprintf("uid %d", w.UID)
	if w.Exe != "" {
		name += " (" + printable(w.Exe) + ")"
	}
	return name
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

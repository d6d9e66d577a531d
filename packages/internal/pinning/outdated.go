package pinning

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"text/tabwriter"
)

// ErrOutdated makes the exit status tell that the table needs work.
var ErrOutdated = errors.New("pins are outdated")

// report lists the pins that are older than the archive's version, or of
// which a file is gone from every mirror.
func (p *pinner) report(ctx context.Context) error {
	w := tabwriter.NewWriter(p.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PIN\tPINNED\tARCHIVE\tMISSING")
	stale := 0
	for _, name := range slices.Sorted(maps.Keys(p.table.Pins)) {
		pin := p.table.Pins[name]
		newest := "none"
		if versions := p.versions[pin.Source]; len(versions) > 0 {
			newest = versions[0].Version
		}
		missing, err := p.missing(ctx, pin)
		if err != nil {
			return err
		}
		if newest == pin.Debian && missing == "" {
			continue
		}
		stale++
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, pin.Debian, newest, missing)
	}
	if stale == 0 {
		fmt.Fprintf(p.stdout, "all %d pins are the archive's newest\n", len(p.table.Pins))
		return nil
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return ErrOutdated
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/pins"
)

// errOutdated makes the exit status tell that the table needs work.
var errOutdated = errors.New("pins are outdated")

// report lists the pins that are older than the archive's version, or of
// which a file is gone from every mirror.
func report(ctx context.Context, client *download.Client, table *pins.Table, latest map[string]debian.Source, stdout io.Writer) error {
	w := tabwriter.NewWriter(stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "PIN\tPINNED\tARCHIVE\tMIRROR")
	stale := 0
	for _, name := range slices.Sorted(maps.Keys(table.Pins)) {
		pin := table.Pins[name]
		newest, ok := latest[pin.Source]
		version := "none"
		if ok {
			version = newest.Version
		}
		mirrored, err := available(ctx, client, pin)
		if err != nil {
			return err
		}
		if version == pin.Debian && mirrored {
			continue
		}
		stale++
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", name, pin.Debian, version, presence(mirrored))
	}
	if stale == 0 {
		fmt.Fprintf(stdout, "all %d pins are the archive's newest\n", len(table.Pins))
		return nil
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return errOutdated
}

func presence(mirrored bool) string {
	if mirrored {
		return "has it"
	}
	return "gone"
}

// available tells whether a mirror has every file of the pin.
func available(ctx context.Context, client *download.Client, pin pins.Pin) (bool, error) {
	for _, f := range slices.Concat(pin.Files, pin.DebianFiles) {
		ok, err := client.Exists(ctx, download.File{Path: f.Path, Size: f.Size, SHA256: f.SHA256})
		if err != nil || !ok {
			return false, err
		}
	}
	return true, nil
}

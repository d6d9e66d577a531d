package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/packages/internal/archive"
	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/pins"
)

// run does one invocation. Below `bazel run` the table is that of the
// workspace (BUILD_WORKSPACE_DIRECTORY), not of the runfiles.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	outdated := len(args) > 0 && args[0] == "outdated"
	if outdated {
		args = args[1:]
	}
	flags := flag.NewFlagSet("pin", flag.ContinueOnError)
	flags.SetOutput(stderr)
	path := flags.String("table", defaultTable(), "the table of pins")
	keyring := flags.String("keyring", "", "keyring of the archive (default: the installed one)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if !outdated && flags.NArg() == 0 {
		return errors.New("name at least one source, as in: pin zlib")
	}
	data, err := os.ReadFile(*path)
	if err != nil {
		return fmt.Errorf("reading table of pins: %w", err)
	}
	table, err := pins.Parse(*path, data)
	if err != nil {
		return err
	}
	host, err := archive.FromHost(ctx, *keyring, stderr)
	if err != nil {
		return err
	}
	latest, err := readSources(ctx, host)
	if err != nil {
		return err
	}
	if outdated {
		return report(ctx, host.Client, table, latest, stdout)
	}
	if err := renew(table, latest, flags.Args(), stdout); err != nil {
		return err
	}
	if err := renameio.WriteFile(*path, table.Format(), 0o644); err != nil {
		return fmt.Errorf("writing table of pins: %w", err)
	}
	return nil
}

// defaultTable is packages/sources.bzl of the workspace.
func defaultTable() string {
	return filepath.Join(os.Getenv("BUILD_WORKSPACE_DIRECTORY"), "packages", "sources.bzl")
}

// readSources reads the Sources indexes of all suites.
func readSources(ctx context.Context, host *archive.Archive) (map[string]debian.Source, error) {
	suites, err := host.OpenAll(ctx)
	if err != nil {
		return nil, err
	}
	return archive.LatestSources(ctx, suites)
}

// renew sets a pin for each "name" or "name=source" and says what changed.
func renew(table *pins.Table, latest map[string]debian.Source, names []string, stdout io.Writer) error {
	for _, arg := range names {
		name, source, given := strings.Cut(arg, "=")
		old, known := table.Pins[name]
		switch {
		case given:
		case known:
			source = old.Source
		default:
			source = name
		}
		entry, ok := latest[source]
		if !ok {
			return fmt.Errorf("the archive has no source package %q; say which it is, as in: pin %s=SOURCE", source, name)
		}
		pin, err := pins.FromSource(entry)
		if err != nil {
			return err
		}
		if pin.Version == old.Version {
			pin.URLs = old.URLs
		}
		table.Set(name, pin)
		fmt.Fprintln(stdout, change(name, old, pin))
	}
	return nil
}

// change describes in one line how a pin moved.
func change(name string, old, pin pins.Pin) string {
	switch old.Debian {
	case "":
		return fmt.Sprintf("%s: new, %s", name, pin.Debian)
	case pin.Debian:
		return fmt.Sprintf("%s: %s, as before", name, pin.Debian)
	}
	return fmt.Sprintf("%s: %s, was %s", name, pin.Debian, old.Debian)
}

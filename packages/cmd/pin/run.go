package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

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
	versions, err := readSources(ctx, host)
	if err != nil {
		return err
	}
	p := pinner{client: host.Client, table: table, versions: versions, stdout: stdout, warn: host.Warn}
	if outdated {
		return p.report(ctx)
	}
	for _, name := range flags.Args() {
		if err := p.renew(ctx, name); err != nil {
			return err
		}
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
func readSources(ctx context.Context, host *archive.Archive) (map[string][]debian.Source, error) {
	suites, err := host.OpenAll(ctx)
	if err != nil {
		return nil, err
	}
	return archive.Sources(ctx, suites)
}

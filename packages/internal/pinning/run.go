// Package pinning keeps the table of pins (packages/sources.bzl) up to date
// with the signed indexes of the Debian archive.
package pinning

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

// Pin is the command pin: it adds or renews the named pins.
func Pin(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags, opts := newFlags("pin", stderr)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() == 0 {
		return errors.New("name at least one source, as in: pin zlib")
	}
	p, err := opts.open(ctx, stdout, stderr)
	if err != nil {
		return err
	}
	for _, name := range flags.Args() {
		if err := p.renew(ctx, name); err != nil {
			return err
		}
	}
	if err := renameio.WriteFile(opts.table, p.table.Format(), 0o644); err != nil {
		return fmt.Errorf("writing table of pins: %w", err)
	}
	return nil
}

// Outdated is the command outdated: it lists the pins that need renewal, and
// returns ErrOutdated when there are any.
func Outdated(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags, opts := newFlags("outdated", stderr)
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("outdated takes no argument such as %q", flags.Arg(0))
	}
	p, err := opts.open(ctx, stdout, stderr)
	if err != nil {
		return err
	}
	return p.report(ctx)
}

// options are what both commands can be told.
type options struct{ table, keyring string }

func newFlags(name string, stderr io.Writer) (*flag.FlagSet, *options) {
	opts := &options{}
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&opts.table, "table", defaultTable(), "the table of pins")
	flags.StringVar(&opts.keyring, "keyring", "", "keyring of the archive (default: that of the SDK's lock, or the installed one)")
	return flags, opts
}

// open reads the table and the archive's indexes.
func (o *options) open(ctx context.Context, stdout, stderr io.Writer) (*pinner, error) {
	data, err := os.ReadFile(o.table)
	if err != nil {
		return nil, fmt.Errorf("reading table of pins: %w", err)
	}
	table, err := pins.Parse(o.table, data)
	if err != nil {
		return nil, err
	}
	host, err := archive.FromHost(ctx, archive.Options{
		Keyring: o.keyring,
		Lock:    filepath.Join(filepath.Dir(o.table), "sdk", "sdk.lock.json"),
		Stderr:  stderr,
	})
	if err != nil {
		return nil, err
	}
	versions, err := readSources(ctx, host)
	if err != nil {
		return nil, err
	}
	return &pinner{client: host.Client, table: table, versions: versions, stdout: stdout, warn: host.Warn}, nil
}

// defaultTable is packages/sources.bzl of the workspace. Below `bazel run` that
// is not the current folder.
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

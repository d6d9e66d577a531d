package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/packages/internal/archive"
	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/lockfile"
	"github.com/slipway-os/slipway/packages/internal/resolve"
)

// run makes one lock. Below `bazel run` the files are those of the workspace
// (BUILD_WORKSPACE_DIRECTORY), not of the runfiles.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	dir := filepath.Join(os.Getenv("BUILD_WORKSPACE_DIRECTORY"), "packages", "sdk")
	flags := flag.NewFlagSet("lock", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.String("list", filepath.Join(dir, "sdk.packages"), "the list of packages asked for")
	output := flags.String("output", filepath.Join(dir, "sdk.lock.json"), "the lock to write")
	arch := flags.String("arch", "amd64", "Debian's name of the architecture")
	keyring := flags.String("keyring", "", "keyring of the archive (default: that of the old lock, or the installed one)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	text, err := os.ReadFile(*list)
	if err != nil {
		return fmt.Errorf("reading list of packages: %w", err)
	}
	host, err := archive.FromHost(ctx, archive.Options{Keyring: *keyring, Lock: *output, Stderr: stderr})
	if err != nil {
		return err
	}
	lock, err := makeLock(ctx, host, parseList(string(text)), *arch)
	if err != nil {
		return err
	}
	data, err := lock.Format()
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(*output, data, 0o644); err != nil {
		return fmt.Errorf("writing lock: %w", err)
	}
	var size int64
	for _, p := range lock.Packages {
		size += p.Size
	}
	fmt.Fprintf(stdout, "%s: %d packages, %d MB\n", *output, len(lock.Packages), size/1e6)
	return nil
}

// parseList returns the names in a list of packages.
func parseList(text string) []string {
	var names []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		names = append(names, strings.Fields(line)...)
	}
	return names
}

// makeLock resolves names against the archive's suites.
func makeLock(ctx context.Context, host *archive.Archive, names []string, arch string) (lockfile.Lock, error) {
	suites, err := host.OpenAll(ctx)
	if err != nil {
		return lockfile.Lock{}, err
	}
	latest, err := archive.LatestBinaries(ctx, suites, arch)
	if err != nil {
		return lockfile.Lock{}, err
	}
	all, err := resolve.NewUniverse(latest).Closure(names)
	if err != nil {
		return lockfile.Lock{}, fmt.Errorf("resolving dependencies:\n%w", err)
	}
	lock := lockfile.Lock{Architecture: arch}
	for _, s := range suites {
		lock.Suites = append(lock.Suites, lockfile.Suite{Name: s.Name, Date: s.Release.Date})
	}
	for _, b := range all {
		lock.Packages = append(lock.Packages, entry(b))
	}
	return lock, nil
}

// entry is the lock's line for a package.
func entry(b debian.Binary) lockfile.Package {
	return lockfile.Package{
		Name:         b.Name,
		Version:      b.Version,
		Architecture: b.Architecture,
		Path:         b.File.Path,
		Size:         b.File.Size,
		SHA256:       b.File.SHA256,
	}
}

package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/mirror"
)

// Options say how a host reaches the archive.
type Options struct {
	// Keyring is a file with the archive's keys; "" takes the one in the
	// lock, or without a lock the one that the host has installed.
	Keyring string
	// Lock is the SDK's lock.
	Lock string
	// Stderr is told warnings.
	Stderr io.Writer
}

// FromHost returns the archive by way of the host's mirrors and the user's
// download cache.
func FromHost(ctx context.Context, opts Options) (*Archive, error) {
	mirrors, err := mirror.Find(ctx, os.Getenv)
	if err != nil {
		return nil, err
	}
	cache, err := download.CacheDir()
	if err != nil {
		return nil, err
	}
	a := &Archive{
		Client: download.New(mirrors, cache),
		Warn:   func(text string) { fmt.Fprintln(opts.Stderr, "warning:", text) },
		Now:    time.Now(),
	}
	if a.Keyring, err = opts.keys(ctx, a); err != nil {
		return nil, err
	}
	return a, nil
}

// keys reads the keyring that the options ask for.
func (o Options) keys(ctx context.Context, a *Archive) (openpgp.EntityList, error) {
	if o.Keyring != "" {
		return ReadKeyring(o.Keyring)
	}
	locked, err := LockedKeyring(ctx, a.Client, o.Lock)
	if err == nil || ctx.Err() != nil {
		return locked, err
	}
	a.Warn(fmt.Sprintf("taking the host's keyring, since the locked one cannot be had: %v", err))
	return ReadKeyring("")
}

// OpenAll opens each of Suites.
func (a *Archive) OpenAll(ctx context.Context) ([]*Suite, error) {
	var suites []*Suite
	for _, name := range Suites {
		s, err := a.Open(ctx, name)
		if err != nil {
			return nil, err
		}
		suites = append(suites, s)
	}
	return suites, nil
}

// Sources maps the name of each source package to its versions in all the
// suites, newest first.
func Sources(ctx context.Context, suites []*Suite) (map[string][]debian.Source, error) {
	all := map[string][]debian.Source{}
	for _, suite := range suites {
		sources, err := suite.Sources(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range sources {
			all[s.Name] = append(all[s.Name], s)
		}
	}
	for _, versions := range all {
		slices.SortStableFunc(versions, func(a, b debian.Source) int {
			return debian.CompareVersions(b.Version, a.Version)
		})
	}
	return all, nil
}

// LatestBinaries maps the name of each binary package for arch to its newest
// version over all the suites.
func LatestBinaries(ctx context.Context, suites []*Suite, arch string) (map[string]debian.Binary, error) {
	latest := map[string]debian.Binary{}
	for _, suite := range suites {
		all, err := suite.Packages(ctx, arch)
		if err != nil {
			return nil, err
		}
		for _, b := range all {
			old, ok := latest[b.Name]
			if !ok || debian.CompareVersions(b.Version, old.Version) > 0 {
				latest[b.Name] = b
			}
		}
	}
	return latest, nil
}

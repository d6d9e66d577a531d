package archive

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/mirror"
)

// FromHost returns the archive as this host reaches it: its mirrors, the
// user's download cache, and the keyring at path (by default the installed
// one). Warnings go to stderr.
func FromHost(ctx context.Context, keyring string, stderr io.Writer) (*Archive, error) {
	mirrors, err := mirror.Find(ctx, os.Getenv)
	if err != nil {
		return nil, err
	}
	keys, err := ReadKeyring(keyring)
	if err != nil {
		return nil, err
	}
	cache, err := download.CacheDir()
	if err != nil {
		return nil, err
	}
	return &Archive{
		Client:  download.New(mirrors, cache),
		Keyring: keys,
		Warn:    func(text string) { fmt.Fprintln(stderr, "warning:", text) },
		Now:     time.Now(),
	}, nil
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

package archive

import (
	"context"
	"fmt"
	"io"
	"os"
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

// LatestSources maps the name of each source package to its newest version
// over all the suites.
func LatestSources(ctx context.Context, suites []*Suite) (map[string]debian.Source, error) {
	latest := map[string]debian.Source{}
	for _, suite := range suites {
		all, err := suite.Sources(ctx)
		if err != nil {
			return nil, err
		}
		for _, s := range all {
			old, ok := latest[s.Name]
			if !ok || debian.CompareVersions(s.Version, old.Version) > 0 {
				latest[s.Name] = s
			}
		}
	}
	return latest, nil
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

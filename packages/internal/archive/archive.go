// Package archive reads the signed indexes of a Debian archive: InRelease,
// then Packages or Sources by the hash that InRelease gives them.
package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"time"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/mikelolasagasti/xz"

	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/download"
)

// Suites are the suites that every lock and pin is taken from.
var Suites = []string{"trixie", "trixie-updates", "trixie-security"}

// Archive gives access to the suites of one release.
type Archive struct {
	// Client fetches the indexes; its mirrors are the archive's roots.
	Client *download.Client
	// Keyring holds the keys of which one must have signed each InRelease.
	Keyring openpgp.EntityList
	// Warn is told what is odd but no reason to stop.
	Warn func(string)
	// Now is the time that Valid-Until is compared with.
	Now time.Time
}

// Suite is one suite's release, with a check of its signature passed.
type Suite struct {
	Name    string
	Release debian.Release
	archive *Archive
}

// Open fetches and verifies the InRelease file of the named suite.
func (a *Archive) Open(ctx context.Context, name string) (*Suite, error) {
	var errs []error
	for _, url := range a.Client.Mirrors.URLs(path.Join("dists", name, "InRelease")) {
		rel, err := a.release(ctx, url)
		if err == nil {
			return a.suite(name, rel), nil
		}
		errs = append(errs, fmt.Errorf("reading %s: %w", url, err))
	}
	return nil, fmt.Errorf("opening suite %s: %w", name, errors.Join(errs...))
}

// release reads the signed release file at url.
func (a *Archive) release(ctx context.Context, url string) (debian.Release, error) {
	signed, err := a.Client.Get(ctx, url)
	if err != nil {
		return debian.Release{}, err
	}
	text, err := verify(signed, a.Keyring)
	if err != nil {
		return debian.Release{}, err
	}
	return debian.ParseRelease(text)
}

// suite warns of a release that is past its time. Mirrors may lag and
// snapshots always do, so that is no error.
func (a *Archive) suite(name string, rel debian.Release) *Suite {
	if !rel.ValidUntil.IsZero() && a.Now.After(rel.ValidUntil) {
		a.Warn(fmt.Sprintf("%s was valid until %s; the mirror may lag behind",
			name, rel.ValidUntil.Format(time.DateOnly)))
	}
	return &Suite{Name: name, Release: rel, archive: a}
}

// Packages reads the suite's index of binary packages of main for arch.
func (s *Suite) Packages(ctx context.Context, arch string) ([]debian.Binary, error) {
	return readIndex(ctx, s, path.Join("main", "binary-"+arch, "Packages.xz"), debian.ParsePackages)
}

// Sources reads the suite's index of source packages of main.
func (s *Suite) Sources(ctx context.Context) ([]debian.Source, error) {
	return readIndex(ctx, s, path.Join("main", "source", "Sources.xz"), debian.ParseSources)
}

// readIndex fetches the index called name and parses it.
func readIndex[T any](ctx context.Context, s *Suite, name string, parse func(io.Reader) ([]T, error)) ([]T, error) {
	stored, err := s.fetch(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("fetching %s of %s: %w", name, s.Name, err)
	}
	f, err := os.Open(stored)
	if err != nil {
		return nil, fmt.Errorf("opening %s of %s: %w", name, s.Name, err)
	}
	defer f.Close()
	text, err := xz.NewReader(f, 0)
	if err != nil {
		return nil, fmt.Errorf("decompressing %s of %s: %w", name, s.Name, err)
	}
	all, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("parsing %s of %s: %w", name, s.Name, err)
	}
	return all, nil
}

// fetch returns the cached copy of an index. The address by hash stays right
// while the archive is being updated; old snapshots lack it.
func (s *Suite) fetch(ctx context.Context, name string) (string, error) {
	entry, ok := s.Release.Files[name]
	if !ok {
		return "", errors.New("the release does not list it")
	}
	dir := path.Join("dists", s.Name)
	byHash := path.Join(dir, path.Dir(name), "by-hash", "SHA256", entry.SHA256)
	return s.archive.Client.Fetch(ctx, download.File{
		Path:   byHash,
		Size:   entry.Size,
		SHA256: entry.SHA256,
		URLs:   s.archive.Client.Mirrors.URLs(path.Join(dir, name)),
	})
}

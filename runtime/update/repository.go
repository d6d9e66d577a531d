package update

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path"
	"sync"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/client"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// patience bounds a look at the repository.
const patience = 5 * time.Minute

// Why a host cannot be updated at all.
var (
	ErrUntrusted = errors.New("no update repository is trusted by this image")
	ErrUnset     = errors.New("the settings updates.metadata-base-url and updates.targets-base-url are not both set")
)

// repository is one verified snapshot of the repository.
type repository struct {
	client   *client.Client
	manifest *manifest.Manifest
	targets  string // URL of the targets' folder
}

// possible says why there is nothing to look at.
func (u *Updater) possible(c Config) error {
	switch {
	case u.Root == nil:
		return ErrUntrusted
	case c.MetadataURL == "" || c.TargetsURL == "":
		return ErrUnset
	}
	return nil
}

// look reads the repository's metadata and the channel's manifest.
func (u *Updater) look(ctx context.Context, c Config) (*repository, error) {
	if err := u.possible(c); err != nil {
		return nil, err
	}
	limit := u.Patience
	if limit == 0 {
		limit = patience
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("the repository did not send its metadata within %s", limit))
	defer cancel()
	files := &lastFile{transport: u.HTTP.Transport}
	r, err := u.verify(ctx, c, files)
	if err == nil {
		return r, nil
	}
	if ctx.Err() != nil {
		return nil, fmt.Errorf("looking at the repository: %w", context.Cause(ctx))
	}
	if errors.Is(err, &metadata.ErrExpiredMetadata{}) {
		err = fmt.Errorf("%w (by this host it is %s)", err, u.now().UTC().Format(time.RFC3339))
	}
	return nil, fmt.Errorf("looking at the repository: %w; the last file asked for was %s", err, files.name())
}

// lastFile knows what was asked for last: not all errors of go-tuf say which
// file they are about.
type lastFile struct {
	transport http.RoundTripper
	mu        sync.Mutex
	last      string
}

// RoundTrip implements http.RoundTripper.
func (l *lastFile) RoundTrip(req *http.Request) (*http.Response, error) {
	l.mu.Lock()
	l.last = path.Base(req.URL.Path)
	l.mu.Unlock()
	transport := l.transport
	if transport == nil {
		transport = http.DefaultTransport
	}
	return transport.RoundTrip(req)
}

func (l *lastFile) name() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return cmp.Or(l.last, "none")
}

func (u *Updater) verify(ctx context.Context, c Config, files *lastFile) (*repository, error) {
	cache, roots := u.path(metadataDir), u.path(rootsDir)
	if err := dropDamaged(cache); err != nil {
		return nil, err
	}
	root, err := trustedRoot(u.Root, roots)
	if err != nil {
		return nil, err
	}
	asked := *u.HTTP
	asked.Transport = files
	source := client.Source{Metadata: c.MetadataURL, Targets: c.TargetsURL, HTTP: &asked}
	r := &repository{}
	if r.client, err = client.New(ctx, root, cache, source, u.now()); err != nil {
		return nil, err
	}
	if err := r.client.Refresh(); err != nil {
		return nil, err
	}
	if err := keepRoots(r.client, root, roots); err != nil {
		return nil, fmt.Errorf("keeping the repository's new root: %w", err)
	}
	if r.manifest, err = r.client.Manifest(ctx, c.Channel); err != nil {
		return nil, err
	}
	r.targets, err = client.Base(c.TargetsURL)
	return r, err
}

// artefact is a file of an image, as both manifest and metadata sign it.
type artefact struct {
	manifest.Artefact
	url string
}

// artefact finds the file of a role; nil if the image has none.
func (r *repository) artefact(i *manifest.Image, role manifest.Role) (*artefact, error) {
	a := i.Artefact(role)
	if a == nil {
		return nil, nil
	}
	name := r.manifest.TargetPath(i, a)
	info, err := r.client.Target(name)
	if err != nil {
		return nil, fmt.Errorf("finding %s in the repository: %w", name, err)
	}
	if sum := hex.EncodeToString(info.Hashes["sha256"]); info.Length != a.Size || sum != a.SHA256 {
		return nil, fmt.Errorf("finding %s in the repository: metadata and manifest do not agree on it", name)
	}
	return &artefact{*a, r.targets + client.RemoteName(info)}, nil
}

// need is artefact for a file that an update cannot do without.
func (r *repository) need(i *manifest.Image, role manifest.Role, limit int64) (*artefact, error) {
	a, err := r.artefact(i, role)
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return nil, fmt.Errorf("version %s has no file for the role %q", i.Version, role)
	case a.Size > limit:
		return nil, fmt.Errorf("file %s of version %s has %d bytes, more than %d", a.Name, i.Version, a.Size, limit)
	}
	return a, nil
}

// offline says whether an error means that the repository was not reached.
func offline(err error) bool {
	var dial *net.OpError
	var dns *net.DNSError
	return errors.As(err, &dial) || errors.As(err, &dns)
}

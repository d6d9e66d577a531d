package image

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/remotes"
	"github.com/containerd/containerd/v2/core/remotes/docker"
	remoteerrors "github.com/containerd/containerd/v2/core/remotes/errors"
	"github.com/containerd/containerd/v2/pkg/reference"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
	"golang.org/x/sync/semaphore"
)

// Defaults of a Puller.
const (
	defaultAttempts = 6
	defaultBackoff  = time.Second // doubles after each attempt
	maxBackoff      = 30 * time.Second
	defaultLayers   = 3
	defaultStall    = 60 * time.Second
	progressEvery   = 10 * time.Second
)

// A Puller brings images from registries into a store.
type Puller struct {
	Store  Store
	Access Access
	Log    *slog.Logger

	Attempts int           // 0: 6
	Backoff  time.Duration // before the second attempt; 0: 1 s
	Layers   int64         // fetched at once; 0: 3
	// Stall is how long a registry may send nothing in the middle of an
	// answer; 0: 60 s. How long the whole takes is the line's affair.
	Stall time.Duration
}

// Ensure returns an image that is ready to run. Preloaded images are taken as
// they are. Others are pulled, so that a moved tag is followed; if that fails
// and an older copy is here, the copy has to do.
func (p *Puller) Ensure(ctx context.Context, name string) (images.Image, error) {
	here, err := Find(ctx, p.Store, name)
	switch {
	case errors.Is(err, ErrNotHere):
		return p.Pull(ctx, name)
	case err != nil:
		return here, err
	case here.Labels[LabelPreloaded] != "":
		p.Log.Info("using the preloaded image", "image", name, "digest", here.Target.Digest)
		return here, p.unpack(ctx, here)
	}
	once := *p
	once.Attempts = 1
	img, err := once.Pull(ctx, name)
	if err == nil || ctx.Err() != nil {
		return img, err
	}
	p.Log.Warn("using the copy that is here", "image", name, "digest", here.Target.Digest, "error", err)
	return here, p.unpack(ctx, here)
}

// Pull brings an image from its registry, or a mirror, into the store. It tries
// again after what may pass; the error names every host that was asked.
func (p *Puller) Pull(ctx context.Context, name string) (images.Image, error) {
	if _, err := reference.Parse(name); err != nil {
		return images.Image{}, fmt.Errorf("image name %q: %w", name, err)
	}
	attempts, wait := cmp.Or(p.Attempts, defaultAttempts), cmp.Or(p.Backoff, defaultBackoff)
	for n := 1; ; n++ {
		img, err := p.attempt(ctx, name)
		if err == nil || n >= attempts || final(err) || ctx.Err() != nil {
			return img, err
		}
		p.Log.Warn("pulling again in a while", "image", name, "attempt", n, "wait", wait, "error", err)
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return images.Image{}, err
		}
		wait = min(2*wait, maxBackoff)
	}
}

// final tells whether trying again would change nothing.
func final(err error) bool {
	var status remoteerrors.ErrUnexpectedStatus
	if errors.As(err, &status) {
		switch status.StatusCode {
		case http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound:
			return true
		}
	}
	return errdefs.IsNotFound(err) || errors.Is(err, docker.ErrInvalidAuthorization) || errors.Is(err, errCredentials)
}

// attempt pulls once.
func (p *Puller) attempt(ctx context.Context, name string) (img images.Image, err error) {
	t := &trace{}
	started := time.Now()
	p.Log.Info("pulling", "image", name)
	stop := p.report(name, t)
	img, err = p.fetch(ctx, name, t)
	stop()
	if err != nil {
		if tried := t.String(); tried != "" {
			err = fmt.Errorf("%w (%s)", err, tried)
		}
		return img, fmt.Errorf("pulling %s: %w", name, err)
	}
	if err := p.unpack(ctx, img); err != nil {
		return img, err
	}
	p.Log.Info("pulled", "image", name, "digest", img.Target.Digest, "bytes", t.bytes.Load(),
		"took", time.Since(started).Round(time.Millisecond))
	return img, nil
}

func (p *Puller) unpack(ctx context.Context, img images.Image) error {
	if err := p.Store.Unpack(ctx, img); err != nil {
		return fmt.Errorf("unpacking %s: %w", img.Name, err)
	}
	return nil
}

// report logs progress until stop is called.
func (p *Puller) report(name string, t *trace) (stop func()) {
	done := make(chan struct{})
	go func() {
		tick := time.NewTicker(progressEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.Log.Info("still pulling", "image", name, "bytes", t.bytes.Load())
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) }
}

// fetch resolves the name and gets all that is missing of the image. The store
// checks each digest.
func (p *Puller) fetch(ctx context.Context, name string, t *trace) (images.Image, error) {
	hosts, err := p.Access.hosts(t, cmp.Or(p.Stall, defaultStall))
	if err != nil {
		return images.Image{}, err
	}
	resolver := docker.NewResolver(docker.ResolverOptions{Hosts: hosts})
	ctx, done, err := p.Store.Lease(ctx)
	if err != nil {
		return images.Image{}, fmt.Errorf("taking a lease: %w", err)
	}
	defer done()
	resolved, desc, err := resolver.Resolve(ctx, name)
	if err != nil {
		return images.Image{}, err
	}
	fetcher, err := resolver.Fetcher(ctx, resolved)
	if err != nil {
		return images.Image{}, err
	}
	if err := p.dispatch(ctx, fetcher, desc); err != nil {
		return images.Image{}, err
	}
	img, err := put(ctx, p.Store, images.Image{Name: name, Target: desc})
	if err != nil {
		return img, fmt.Errorf("naming the image: %w", err)
	}
	return img, nil
}

// dispatch fetches the manifest for this machine and what it refers to.
func (p *Puller) dispatch(ctx context.Context, fetcher remotes.Fetcher, desc ocispec.Descriptor) error {
	store, platform := p.Store.Content(), platforms.Default()
	children := images.ChildrenHandler(store)
	children = images.SetChildrenMappedLabels(store, children, images.ChildGCLabels)
	children = images.FilterPlatforms(children, platform)
	children = images.LimitManifests(children, platform, 1)
	return images.Dispatch(ctx, images.Handlers(remotes.FetchHandler(store, fetcher), children),
		semaphore.NewWeighted(cmp.Or(p.Layers, defaultLayers)), desc)
}

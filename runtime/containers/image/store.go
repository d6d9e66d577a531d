// Package image brings container images to the host: from registries, through
// mirrors where the settings name some, and from archives.
package image

import (
	"context"
	"errors"
	"fmt"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/errdefs"
)

// LabelPreloaded marks an image that came from an archive on this host: it is
// used without asking a registry.
const LabelPreloaded = "dev.slipway.preloaded"

// ErrNotHere is wrapped by errors about images that the store does not have.
var ErrNotHere = errors.New("no such image")

// A Store keeps images. Package ctrd has containerd's, package containerstest
// one in a folder.
type Store interface {
	Content() content.Store
	Images() images.Store
	// Lease keeps what is written with the context that it returns from being
	// collected until done is called.
	Lease(ctx context.Context) (leased context.Context, done func(), err error)
	// Unpack makes the image's layers ready for containers; it does nothing
	// where they are.
	Unpack(ctx context.Context, img images.Image) error
}

// Find returns the image of a name.
func Find(ctx context.Context, s Store, name string) (images.Image, error) {
	img, err := s.Images().Get(ctx, name)
	if errdefs.IsNotFound(err) {
		return img, fmt.Errorf("%w: %s", ErrNotHere, name)
	}
	if err != nil {
		return img, fmt.Errorf("looking for image %s: %w", name, err)
	}
	return img, nil
}

// put gives an image its name, taking the name from another if need be.
func put(ctx context.Context, s Store, img images.Image) (images.Image, error) {
	for {
		created, err := s.Images().Create(ctx, img)
		if err == nil || !errdefs.IsAlreadyExists(err) {
			return created, err
		}
		updated, err := s.Images().Update(ctx, img)
		if err == nil || !errdefs.IsNotFound(err) {
			return updated, err
		}
	}
}

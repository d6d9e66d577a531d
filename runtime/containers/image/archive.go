package image

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/core/images/archive"
	"github.com/containerd/platforms"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// ErrNoNames means that an archive names none of its images.
var ErrNoNames = errors.New("the archive names no image")

// Import reads an archive, an OCI layout or of docker save, into the store and
// gives those of its images their names that want chooses. It returns them.
func Import(ctx context.Context, s Store, r io.Reader, want func(name string) bool) ([]images.Image, error) {
	ctx, done, err := s.Lease(ctx)
	if err != nil {
		return nil, fmt.Errorf("taking a lease: %w", err)
	}
	defer done()
	top, err := archive.ImportIndex(ctx, s.Content(), r)
	if err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	b, err := content.ReadBlob(ctx, s.Content(), top)
	if err != nil {
		return nil, fmt.Errorf("reading the archive's index: %w", err)
	}
	var index ocispec.Index
	if err := json.Unmarshal(b, &index); err != nil {
		return nil, fmt.Errorf("reading the archive's index: %w", err)
	}
	var got []images.Image
	named := false
	for _, m := range index.Manifests {
		name := nameOf(m)
		named = named || name != ""
		if name == "" || !want(name) {
			continue
		}
		img, err := adopt(ctx, s, name, m)
		if err != nil {
			return got, fmt.Errorf("image %s of the archive: %w", name, err)
		}
		got = append(got, img)
	}
	if !named {
		return nil, ErrNoNames
	}
	return got, nil
}

// nameOf is the name that an archive gives an image. What docker save writes is
// in containerd's annotation; other tools write the whole name as the OCI one.
func nameOf(m ocispec.Descriptor) string {
	for _, key := range []string{images.AnnotationImageName, ocispec.AnnotationRefName} {
		if name := m.Annotations[key]; wholeName(name) {
			return name
		}
	}
	return ""
}

// adopt checks that all of an image is there, then names and unpacks it.
func adopt(ctx context.Context, s Store, name string, desc ocispec.Descriptor) (images.Image, error) {
	store, platform := s.Content(), platforms.Default()
	children := images.SetChildrenMappedLabels(store, images.ChildrenHandler(store), images.ChildGCLabels)
	children = images.FilterPlatforms(children, platform)
	children = images.LimitManifests(children, platform, 1)
	if err := images.WalkNotEmpty(ctx, children, desc); err != nil {
		return images.Image{}, err
	}
	available, _, _, missing, err := images.Check(ctx, store, desc, platform)
	if err != nil {
		return images.Image{}, err
	}
	if !available || len(missing) > 0 {
		return images.Image{}, fmt.Errorf("%d of its parts are not in the archive", max(len(missing), 1))
	}
	img, err := put(ctx, s, images.Image{
		Name: name, Target: desc, Labels: map[string]string{LabelPreloaded: "true"},
	})
	if err != nil {
		return img, fmt.Errorf("naming it: %w", err)
	}
	return img, s.Unpack(ctx, img)
}

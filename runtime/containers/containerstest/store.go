// Package containerstest has engines and runtimes for tests that need no
// containerd: images in a folder, programs of the test as containers, and
// processes of this machine, on a real terminal, as commands.
package containerstest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/containerd/containerd/v2/core/content"
	"github.com/containerd/containerd/v2/core/images"
	"github.com/containerd/containerd/v2/plugins/content/local"
	"github.com/containerd/errdefs"
	"github.com/containerd/platforms"
	digest "github.com/opencontainers/go-digest"
)

// A Store is an image.Store in a folder.
type Store struct {
	content content.Store

	mu       sync.Mutex
	images   map[string]images.Image
	unpacked []string
	ready    []string // by Ready
}

// NewStore returns an empty store.
func NewStore(t testing.TB) *Store {
	t.Helper()
	c, err := local.NewLabeledStore(t.TempDir(), &labels{of: map[digest.Digest]map[string]string{}})
	if err != nil {
		t.Fatal(err)
	}
	return &Store{content: c, images: map[string]images.Image{}}
}

// Content implements image.Store.
func (s *Store) Content() content.Store { return s.content }

// Images implements image.Store.
func (s *Store) Images() images.Store { return names{s} }

// Lease implements image.Store: nothing is ever collected here.
func (s *Store) Lease(ctx context.Context) (context.Context, func(), error) {
	return ctx, func() {}, nil
}

// Unpack implements image.Store: it checks that every part is there.
func (s *Store) Unpack(ctx context.Context, img images.Image) error {
	s.mu.Lock()
	ready := slices.Contains(s.ready, img.Name)
	s.mu.Unlock()
	if ready {
		return nil
	}
	available, _, _, missing, err := images.Check(ctx, s.content, img.Target, platforms.Default())
	if err != nil {
		return err
	}
	if !available || len(missing) > 0 {
		return fmt.Errorf("%d parts of %s are missing", len(missing), img.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unpacked = append(s.unpacked, img.Name)
	return nil
}

// Unpacked lists the names of what was unpacked, in order.
func (s *Store) Unpacked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.unpacked)
}

// names is the store's images.Store.
type names struct{ s *Store }

func (n names) Get(_ context.Context, name string) (images.Image, error) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	img, ok := n.s.images[name]
	if !ok {
		return img, fmt.Errorf("image %q: %w", name, errdefs.ErrNotFound)
	}
	return img, nil
}

func (n names) List(context.Context, ...string) ([]images.Image, error) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	var all []images.Image
	for _, img := range n.s.images {
		all = append(all, img)
	}
	slices.SortFunc(all, func(a, b images.Image) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

func (n names) Create(_ context.Context, img images.Image) (images.Image, error) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	if _, ok := n.s.images[img.Name]; ok {
		return img, fmt.Errorf("image %q: %w", img.Name, errdefs.ErrAlreadyExists)
	}
	n.s.images[img.Name] = img
	return img, nil
}

func (n names) Update(_ context.Context, img images.Image, _ ...string) (images.Image, error) {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	if _, ok := n.s.images[img.Name]; !ok {
		return img, fmt.Errorf("image %q: %w", img.Name, errdefs.ErrNotFound)
	}
	n.s.images[img.Name] = img
	return img, nil
}

func (n names) Delete(_ context.Context, name string, _ ...images.DeleteOpt) error {
	n.s.mu.Lock()
	defer n.s.mu.Unlock()
	delete(n.s.images, name)
	return nil
}

// labels is a local.LabelStore.
type labels struct {
	mu sync.Mutex
	of map[digest.Digest]map[string]string
}

func (l *labels) Get(d digest.Digest) (map[string]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.of[d], nil
}

func (l *labels) Set(d digest.Digest, v map[string]string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[d] = v
	return nil
}

func (l *labels) Update(d digest.Digest, v map[string]string) (map[string]string, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	merged := map[string]string{}
	for _, part := range []map[string]string{l.of[d], v} {
		for name, value := range part {
			if merged[name] = value; value == "" {
				delete(merged, name)
			}
		}
	}
	l.of[d] = merged
	return merged, nil
}

// Ready puts an image without content into the store, as if it were unpacked.
func (s *Store) Ready(img images.Image) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[img.Name] = img
	s.ready = append(s.ready, img.Name)
}

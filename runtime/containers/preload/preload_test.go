package preload_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/image"
	"github.com/slipway-os/slipway/runtime/containers/preload"
)

const hostImage = "registry.invalid/admin:1"

// site is a host with two stores and a folder of archives.
type site struct {
	t              *testing.T
	loader         *preload.Loader
	host, workload *containerstest.Store
	log            *bytes.Buffer
}

func newSite(t *testing.T) *site {
	s := &site{t: t, host: containerstest.NewStore(t), workload: containerstest.NewStore(t), log: &bytes.Buffer{}}
	s.loader = &preload.Loader{
		Root:     t.TempDir(),
		Host:     func() (image.Store, error) { return s.host, nil },
		Workload: func() (image.Store, error) { return s.workload, nil },
		IsHost:   func(name string) bool { return name == hostImage },
		Log:      slog.New(slog.NewTextHandler(s.log, nil)),
	}
	if err := os.MkdirAll(filepath.Join(s.loader.Root, preload.Dir), 0o755); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *site) path(name string) string { return filepath.Join(s.loader.Root, preload.Dir, name) }

// archive writes an archive with a random image of these names.
func (s *site) archive(file string, names ...string) {
	s.t.Helper()
	img, err := random.Image(1<<10, 1)
	if err != nil {
		s.t.Fatal(err)
	}
	config, err := img.ConfigFile()
	if err != nil {
		s.t.Fatal(err)
	}
	config = config.DeepCopy()
	config.OS, config.Architecture = "linux", runtime.GOARCH
	if img, err = mutate.ConfigFile(img, config); err != nil {
		s.t.Fatal(err)
	}
	all := map[name.Tag]v1.Image{}
	for _, n := range names {
		tag, err := name.NewTag(n)
		if err != nil {
			s.t.Fatal(err)
		}
		all[tag] = img
	}
	if err := tarball.MultiWriteToFile(s.path(file), all); err != nil {
		s.t.Fatal(err)
	}
}

// load loads and returns how many images were imported by that.
func (s *site) load() (imported int, err error) {
	s.log.Reset()
	err = s.loader.Load(s.t.Context())
	return strings.Count(s.log.String(), "image is imported"), err
}

func (s *site) expect(what string, want int) {
	s.t.Helper()
	if n, err := s.load(); err != nil || n != want {
		s.t.Errorf("%s: %d images were imported, want %d; %v", what, n, want, err)
	}
}

func names(t *testing.T, s image.Store) (list []string) {
	t.Helper()
	all, err := s.Images().List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range all {
		list = append(list, img.Name)
	}
	return list
}

func TestEachImageGoesWhereItBelongs(t *testing.T) {
	s := newSite(t)
	s.archive("both.tar", hostImage, "registry.invalid/app:1")
	s.archive("app.tar", "registry.invalid/other:1")
	if err := os.WriteFile(s.path("notes.txt"), []byte("no archive"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.expect("first boot", 3)
	if diff := cmp.Diff([]string{hostImage}, names(t, s.host)); diff != "" {
		t.Errorf("host (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"registry.invalid/app:1", "registry.invalid/other:1"}, names(t, s.workload)); diff != "" {
		t.Errorf("workload (-want +got):\n%s", diff)
	}
}

func TestOnceForEachDigest(t *testing.T) {
	s := newSite(t)
	s.archive("app.tar", "registry.invalid/app:1")
	s.expect("first boot", 1)
	s.expect("second boot", 0)
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(s.path("app.tar"), later, later); err != nil {
		t.Fatal(err)
	}
	s.expect("touched", 0)
	if err := os.Rename(s.path("app.tar"), s.path("renamed.tar")); err != nil {
		t.Fatal(err)
	}
	s.expect("renamed", 0)
	s.archive("renamed.tar", "registry.invalid/app:1")
	s.expect("another digest", 1)
	if err := s.workload.Images().Delete(t.Context(), "registry.invalid/app:1"); err != nil {
		t.Fatal(err)
	}
	s.expect("the image is gone", 1)
	if err := os.WriteFile(filepath.Join(s.loader.Root, preload.StatePath), []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.expect("broken state", 1)
	s.expect("healed", 0)
	if err := os.Remove(s.path("renamed.tar")); err != nil {
		t.Fatal(err)
	}
	s.expect("archive gone", 0)
}

func TestBrokenArchive(t *testing.T) {
	s := newSite(t)
	s.archive("a-whole.tar", "registry.invalid/a:1")
	s.archive("c-whole.tar", "registry.invalid/c:1")
	s.archive("b-broken.tar", "registry.invalid/b:1")
	if err := os.Truncate(s.path("b-broken.tar"), 2000); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(s.path("folder.tar"), 0o755); err != nil {
		t.Fatal(err)
	}
	n, err := s.load()
	if n != 2 {
		t.Errorf("%d images were imported, want 2", n)
	}
	if err == nil || !strings.Contains(err.Error(), s.path("b-broken.tar")) || !strings.Contains(err.Error(), s.path("folder.tar")) ||
		strings.Contains(err.Error(), "whole") {
		t.Errorf("Load() = %v", err)
	}
	s.archive("b-broken.tar", "registry.invalid/b:1")
	if err := os.Remove(s.path("folder.tar")); err != nil {
		t.Fatal(err)
	}
	s.expect("mended", 1)
}

func TestNothingToLoad(t *testing.T) {
	s := newSite(t)
	fail := func() (image.Store, error) { return nil, errors.New("no containerd") }
	s.loader.Host, s.loader.Workload = fail, fail
	s.expect("empty folder", 0)
	if _, err := os.Stat(filepath.Join(s.loader.Root, preload.StatePath)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("state without archives: %v", err)
	}
	s.archive("app.tar", "registry.invalid/app:1")
	if _, err := s.load(); err == nil || !strings.Contains(err.Error(), "no containerd") {
		t.Errorf("Load() = %v", err)
	}
}

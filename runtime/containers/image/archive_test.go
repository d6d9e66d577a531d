package image_test

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/match"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/image"
)

// dockerArchive is what docker save writes.
func dockerArchive(t *testing.T, img v1.Image, names ...string) []byte {
	t.Helper()
	images := map[name.Tag]v1.Image{}
	for _, n := range names {
		tag, err := name.NewTag(n)
		if err != nil {
			t.Fatal(err)
		}
		images[tag] = img
	}
	var b bytes.Buffer
	if err := tarball.MultiWrite(images, &b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// ociArchive is an OCI layout in a tar.
func ociArchive(t *testing.T, annotations ...map[string]string) []byte {
	t.Helper()
	dir := t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range annotations {
		img := imageFor(t, runtime.GOARCH, 1)
		d, err := img.Digest()
		if err != nil {
			t.Fatal(err)
		}
		if err := l.ReplaceImage(img, match.Digests(d), layout.WithAnnotations(a)); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := w.AddFS(os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const ociName = "org.opencontainers.image.ref.name"

func all(string) bool { return true }

func TestImport(t *testing.T) {
	tests := []struct {
		name    string
		archive []byte
		want    []string
	}{
		{"docker", dockerArchive(t, imageFor(t, runtime.GOARCH, 2), "registry.invalid/app:1", "busybox:2"),
			[]string{"docker.io/library/busybox:2", "registry.invalid/app:1"}},
		{"OCI", ociArchive(t, map[string]string{ociName: "registry.invalid/app:1"},
			map[string]string{"io.containerd.image.name": "registry.invalid/other:2", ociName: "2"}),
			[]string{"registry.invalid/app:1", "registry.invalid/other:2"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			names, err := image.Names(bytes.NewReader(tt.archive))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, names); diff != "" {
				t.Errorf("Names() (-want +got):\n%s", diff)
			}
			s := containerstest.NewStore(t)
			got, err := image.Import(t.Context(), s, bytes.NewReader(tt.archive), all)
			if err != nil {
				t.Fatal(err)
			}
			for _, n := range tt.want {
				img, err := image.Find(t.Context(), s, n)
				if err != nil || img.Labels[image.LabelPreloaded] == "" {
					t.Errorf("%s: %v, labels %v", n, err, img.Labels)
				}
			}
			if len(got) != 2 || len(s.Unpacked()) != 2 {
				t.Errorf("%d images were imported, %q unpacked", len(got), s.Unpacked())
			}
			p := &image.Puller{Store: s, Log: discard()}
			if _, err := p.Ensure(t.Context(), tt.want[1]); err != nil {
				t.Errorf("a preloaded image asks its registry: %v", err)
			}
		})
	}
}

func TestImportChooses(t *testing.T) {
	archive := dockerArchive(t, imageFor(t, runtime.GOARCH, 1), "registry.invalid/a:1", "registry.invalid/b:1")
	s := containerstest.NewStore(t)
	got, err := image.Import(t.Context(), s, bytes.NewReader(archive), func(n string) bool { return strings.Contains(n, "/b:") })
	if err != nil || len(got) != 1 || got[0].Name != "registry.invalid/b:1" {
		t.Errorf("Import() = %v, %v", got, err)
	}
	if _, err := image.Find(t.Context(), s, "registry.invalid/a:1"); !errors.Is(err, image.ErrNotHere) {
		t.Errorf("the other image: %v", err)
	}
}

func TestBrokenArchives(t *testing.T) {
	whole := dockerArchive(t, imageFor(t, runtime.GOARCH, 1), "registry.invalid/app:1")
	tests := []struct {
		name    string
		archive []byte
		want    string
	}{
		{"empty", nil, "neither index.json nor manifest.json"},
		{"no tar", []byte(strings.Repeat("no tar", 1000)), "invalid tar header"},
		{"truncated", whole[:len(whole)/2], "unexpected EOF"},
		{"no names", ociArchive(t, map[string]string{ociName: "latest"}), image.ErrNoNames.Error()},
		{"index that is no JSON", tarOf(t, map[string]string{"index.json": "{"}), "index.json"},
		{"manifest that is no JSON", tarOf(t, map[string]string{"manifest.json": "[7]"}), "manifest.json"},
		{"bad name", tarOf(t, map[string]string{"manifest.json": `[{"RepoTags":["UPPER:x y"]}]`}), "UPPER"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := image.Names(bytes.NewReader(tt.archive))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Names() = %v, want %q in it", err, tt.want)
			}
			s := containerstest.NewStore(t)
			if _, err := image.Import(t.Context(), s, bytes.NewReader(tt.archive), all); err == nil {
				t.Error("Import() did not fail")
			}
		})
	}
}

func TestArchiveWithoutALayer(t *testing.T) {
	img := imageFor(t, runtime.GOARCH, 1)
	layers, err := img.Layers()
	if err != nil {
		t.Fatal(err)
	}
	d, err := layers[0].Digest()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.AppendImage(img, layout.WithAnnotations(map[string]string{ociName: "registry.invalid/app:1"})); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(dir, "blobs", d.Algorithm, d.Hex)); err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	if err := errors.Join(w.AddFS(os.DirFS(dir)), w.Close()); err != nil {
		t.Fatal(err)
	}
	s := containerstest.NewStore(t)
	_, err = image.Import(t.Context(), s, &b, all)
	if err == nil || !strings.Contains(err.Error(), "registry.invalid/app:1") {
		t.Errorf("Import() = %v", err)
	}
	if _, err := image.Find(t.Context(), s, "registry.invalid/app:1"); !errors.Is(err, image.ErrNotHere) {
		t.Errorf("a broken image has its name: %v", err)
	}
}

func tarOf(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for n, text := range files {
		if err := w.WriteHeader(&tar.Header{Name: n, Mode: 0o644, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func FuzzNames(f *testing.F) {
	index, err := json.Marshal(v1.IndexManifest{Manifests: []v1.Descriptor{{Annotations: map[string]string{ociName: "r.invalid/a:1"}}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(tarOf(f, map[string]string{"index.json": string(index)}))
	f.Add(tarOf(f, map[string]string{"./manifest.json": `[{"RepoTags":["alpine"]}]`}))
	f.Add([]byte("no tar"))
	f.Fuzz(func(t *testing.T, b []byte) {
		names, err := image.Names(bytes.NewReader(b))
		if err == nil && len(names) == 0 {
			t.Error("no names and no error")
		}
		for _, n := range names {
			if n == "" {
				t.Errorf("an empty name in %q", names)
			}
		}
	})
}

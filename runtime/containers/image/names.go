package image

import (
	"archive/tar"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/containerd/containerd/v2/pkg/reference"
	distribution "github.com/distribution/reference"
	ocispec "github.com/opencontainers/image-spec/specs-go/v1"
)

// maxIndex bounds an archive's list of images, in bytes.
const maxIndex = 4 << 20

// Names lists the images that an archive names, sorted, without reading it
// into a store. The reader is read to its end.
func Names(r io.Reader) ([]string, error) {
	var names []string
	var isArchive bool
	for tr := tar.NewReader(r); ; {
		h, err := tr.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the archive: %w", err)
		}
		var found []string
		switch path.Clean(h.Name) {
		case ocispec.ImageIndexFile:
			found, err = ociNames(tr)
		case "manifest.json":
			found, err = dockerNames(tr)
		default:
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading the archive's %s: %w", h.Name, err)
		}
		isArchive = true
		names = append(names, found...)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, fmt.Errorf("reading the archive: %w", err)
	}
	switch {
	case !isArchive:
		return nil, errors.New("this is no archive of images: it has neither index.json nor manifest.json")
	case len(names) == 0:
		return nil, ErrNoNames
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func ociNames(r io.Reader) ([]string, error) {
	var index ocispec.Index
	if err := json.NewDecoder(io.LimitReader(r, maxIndex)).Decode(&index); err != nil {
		return nil, err
	}
	var names []string
	for _, m := range index.Manifests {
		if name := nameOf(m); name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

func dockerNames(r io.Reader) ([]string, error) {
	var list []struct{ RepoTags []string }
	if err := json.NewDecoder(io.LimitReader(r, maxIndex)).Decode(&list); err != nil {
		return nil, err
	}
	var names []string
	for _, m := range list {
		for _, tag := range m.RepoTags {
			name, err := Normalize(tag)
			if err != nil {
				return nil, err
			}
			names = append(names, name)
		}
	}
	return names, nil
}

// Normalize gives the short name of an image its registry and tag:
// "alpine" becomes "docker.io/library/alpine:latest".
func Normalize(name string) (string, error) {
	named, err := distribution.ParseDockerRef(name)
	if err != nil {
		return "", fmt.Errorf("image name %q: %w", name, err)
	}
	return named.String(), nil
}

// wholeName tells whether a name has a registry and a tag or digest; an OCI
// layout may also hold bare tags.
func wholeName(name string) bool {
	spec, err := reference.Parse(name)
	return err == nil && spec.Object != "" && strings.Contains(spec.Locator, "/")
}

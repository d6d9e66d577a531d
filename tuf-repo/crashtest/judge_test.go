package crashtest

import (
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// host is go-tuf's client, with a memory in a folder of its own.
type host struct{ cache string }

// view is what a host sees: a line for each image of each channel.
type view []string

// look reads all of a repository: metadata, manifests, and every artefact that
// these list.
func (h host) look(t *testing.T, dir string, anchor []byte) (view, error) {
	t.Helper()
	server := httptest.NewServer(http.FileServer(http.Dir(dir)))
	defer server.Close()
	cfg, err := config.New(server.URL+"/metadata", anchor)
	if err != nil {
		return nil, err
	}
	cfg.LocalMetadataDir, cfg.LocalTargetsDir, cfg.RemoteTargetsURL = h.cache, filepath.Join(h.cache, "targets"), server.URL+"/targets"
	up, err := updater.New(cfg)
	if err != nil {
		return nil, err
	}
	if err := up.Refresh(); err != nil {
		return nil, err
	}
	v := view{}
	for _, role := range up.GetTrustedMetadataSet().Targets["targets"].Signed.Delegations.Roles {
		data, err := download(up, manifest.Path(role.Name))
		if err != nil {
			return nil, err
		}
		m, err := manifest.Parse(data)
		if err != nil {
			return nil, err
		}
		v = append(v, role.Name)
		for n := range m.Images {
			i := &m.Images[n]
			for k := range i.Artefacts {
				if _, err := download(up, m.TargetPath(i, &i.Artefacts[k])); err != nil {
					return nil, err
				}
			}
			v = append(v, fmt.Sprintf("%s %s paused=%v waves=%v", role.Name, i, i.Paused, i.Waves))
		}
	}
	slices.Sort(v)
	return v, nil
}

func download(up *updater.Updater, path string) ([]byte, error) {
	info, err := up.GetTargetInfo(path)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	info.Path = path
	// The memory of targets would hide a repository that lost one.
	file, err := os.CreateTemp("", "target")
	if err != nil {
		return nil, err
	}
	file.Close()
	defer os.Remove(file.Name())
	_, data, err := up.DownloadTarget(info, file.Name(), "")
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return data, nil
}

// copyTree copies a folder by links: nothing in it is ever written in place.
// Locks are left out, each copy has its own.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, strings.TrimPrefix(path, from))
		switch {
		case d.IsDir():
			return os.MkdirAll(target, 0o755)
		case d.Name() == "lock":
			return nil
		}
		return os.Link(path, target)
	})
	if err != nil {
		t.Fatal(err)
	}
}

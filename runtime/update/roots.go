package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/client"
)

// Folders in Updater.Dir.
const (
	metadataDir = "metadata" // of the newest snapshot that was verified
	rootsDir    = "roots"    // roots after the image's own, by version
	filesDir    = "files"    // of the version that is being prepared
)

func rootFile(dir string, version int64) string {
	return filepath.Join(dir, fmt.Sprintf("%d.root.json", version))
}

// trustedRoot is the newest root that the chain of those in a folder leads to
// from the image's. STATE is not signed: a root from there counts only as far
// as the one before it signed it. But once a host has seen a root, it never
// again trusts the keys that this one took away.
func trustedRoot(image []byte, dir string) ([]byte, error) {
	trusted, err := metadata.Root().FromBytes(image)
	if err != nil {
		return nil, fmt.Errorf("reading the image's root of trust: %w", err)
	}
	newest := image
	for {
		data, err := os.ReadFile(rootFile(dir, trusted.Signed.Version+1))
		if err != nil {
			return newest, nil // the network has what is missing
		}
		next, err := metadata.Root().FromBytes(data)
		if err != nil || next.Signed.Version != trusted.Signed.Version+1 ||
			trusted.VerifyDelegate(metadata.ROOT, next) != nil || next.VerifyDelegate(metadata.ROOT, next) != nil {
			return newest, nil
		}
		trusted, newest = next, data
	}
}

// keepRoots saves the roots that led from one to another.
func keepRoots(c *client.Client, from []byte, dir string) error {
	old, err := metadata.Root().FromBytes(from)
	if err != nil {
		return err
	}
	now, err := os.ReadFile(filepath.Join(filepath.Dir(dir), metadataDir, metadata.ROOT+".json"))
	if err != nil {
		return err
	}
	if newest, err := metadata.Root().FromBytes(now); err != nil || newest.Signed.Version == old.Signed.Version {
		return err
	}
	roots, err := c.Roots()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	for _, r := range roots {
		if r.Version <= old.Signed.Version {
			continue
		}
		if err := renameio.WriteFile(rootFile(dir, r.Version), r.Data, 0o600, renameio.WithTempDir(dir)); err != nil {
			return err
		}
	}
	return nil
}

// dropDamaged removes cached metadata that a power cut left in pieces: what is
// no JSON would stop every later look at the repository.
func dropDamaged(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		path := filepath.Join(dir, e.Name())
		data, err := os.ReadFile(path)
		if err == nil && json.Valid(data) {
			continue
		}
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	return nil
}

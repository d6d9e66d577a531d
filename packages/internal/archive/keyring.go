package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"

	"github.com/ProtonMail/go-crypto/openpgp"

	"github.com/slipway-os/slipway/packages/internal/deb"
	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/lockfile"
)

const (
	keyringPackage = "debian-archive-keyring"
	keyringFile    = "usr/share/keyrings/debian-archive-keyring.pgp"
)

// LockedKeyring reads the archive's keyring out of the package that the lock
// at lockPath pins: the tree itself says whom it trusts, whatever the host
// has installed.
func LockedKeyring(ctx context.Context, client *download.Client, lockPath string) (openpgp.EntityList, error) {
	f, err := os.Open(lockPath)
	if err != nil {
		return nil, fmt.Errorf("reading lock: %w", err)
	}
	defer f.Close()
	lock, err := lockfile.Parse(f)
	if err != nil {
		return nil, err
	}
	for _, p := range lock.Packages {
		if p.Name != keyringPackage {
			continue
		}
		stored, err := client.Fetch(ctx, download.File{Path: p.Path, Size: p.Size, SHA256: p.SHA256})
		if err != nil {
			return nil, err
		}
		return keyringOf(stored)
	}
	return nil, fmt.Errorf("the lock %s has no package %s", lockPath, keyringPackage)
}

// keyringOf reads the keyring in a package file.
func keyringOf(name string) (openpgp.EntityList, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", keyringPackage, err)
	}
	files, closer, err := deb.Data(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", keyringPackage, err)
	}
	defer closer.Close()
	for {
		h, err := files.Next()
		if errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("%s has no %s", keyringPackage, keyringFile)
		}
		if err != nil {
			return nil, fmt.Errorf("reading %s: %w", keyringPackage, err)
		}
		if path.Clean(h.Name) == keyringFile {
			return openpgp.ReadKeyRing(files)
		}
	}
}

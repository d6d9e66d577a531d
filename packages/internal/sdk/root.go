package sdk

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

// Root returns the folder cache/sdk/ID that holds the unpacked SDK, unpacking
// the archive when it is not there yet. idFile, which sdkpack writes beside
// the archive, holds ID: the archive need not be read when it is known. Of
// several processes that want the same SDK one unpacks and the others wait.
func Root(ctx context.Context, archive, idFile, cache string) (string, error) {
	text, err := os.ReadFile(idFile)
	if err != nil {
		return "", fmt.Errorf("reading the SDK's identity: %w", err)
	}
	id := strings.TrimSpace(string(text))
	if !debian.IsSHA256(id) {
		return "", fmt.Errorf("%s holds no identity of an SDK", idFile)
	}
	dir := filepath.Join(cache, "sdk", id)
	if isDir(dir) {
		return dir, nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("making the SDK cache: %w", err)
	}
	unlock, err := lock(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("waiting for another process to unpack the SDK: %w", err)
	}
	defer unlock()
	if isDir(dir) {
		return dir, nil
	}
	return dir, unpackBeside(ctx, archive, id, dir)
}

// unpackBeside unpacks into a folder beside dir and gives it its name when it
// is whole. The caller holds the lock.
func unpackBeside(ctx context.Context, archive, id, dir string) (err error) {
	if err := check(archive, id); err != nil {
		return err
	}
	fresh := dir + ".new"
	// A process that was killed may have left a part.
	if err := os.RemoveAll(fresh); err != nil {
		return fmt.Errorf("removing a partial SDK: %w", err)
	}
	if err := os.Mkdir(fresh, 0o755); err != nil {
		return fmt.Errorf("making the SDK's folder: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(fresh))
		}
	}()
	if err := Unpack(ctx, archive, fresh); err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(fresh, 0o755), setTime(fresh, stamp)); err != nil {
		return fmt.Errorf("finishing the SDK's folder: %w", err)
	}
	return os.Rename(fresh, dir)
}

// check compares the archive's SHA-256 with the identity.
func check(archive, id string) error {
	f, err := os.Open(archive)
	if err != nil {
		return fmt.Errorf("opening the SDK archive: %w", err)
	}
	defer f.Close()
	hash := sha256.New()
	if _, err := io.Copy(hash, f); err != nil {
		return fmt.Errorf("reading the SDK archive: %w", err)
	}
	if found := hex.EncodeToString(hash.Sum(nil)); found != id {
		return fmt.Errorf("%s is not the SDK it should be: expected sha256 %s, found %s", archive, id, found)
	}
	return nil
}

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}

// lock takes the lock file at name for this process; it waits until ctx ends.
func lock(ctx context.Context, name string) (unlock func(), err error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	const between = 100 * time.Millisecond
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			return nil, errors.Join(fmt.Errorf("flock: %w", err), f.Close())
		}
		select {
		case <-ctx.Done():
			return nil, errors.Join(context.Cause(ctx), f.Close())
		case <-time.After(between):
		}
	}
}

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
// SDKs that nobody has used for long are removed.
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
		return dir, markUsed(dir, time.Now())
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
	if err := unpackBeside(ctx, archive, id, dir); err != nil {
		return "", err
	}
	return dir, prune(filepath.Dir(dir), time.Now())
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
	const between = 100 * time.Millisecond
	for {
		f, err := tryLock(name)
		if err != nil {
			return nil, err
		}
		if f != nil {
			return func() { f.Close() }, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case <-time.After(between):
		}
	}
}

// tryLock returns the locked file, or nil when another process has the lock
// or has just removed the file.
func tryLock(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) || errors.Is(err, unix.EINTR) {
		return nil, f.Close()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("flock: %w", err), f.Close())
	}
	mine, errMine := f.Stat()
	named, errNamed := os.Stat(name)
	if errMine != nil || errNamed != nil || !os.SameFile(mine, named) {
		return nil, f.Close()
	}
	return f, nil
}

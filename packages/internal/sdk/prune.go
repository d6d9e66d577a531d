package sdk

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// unusedAfter is how long an unpacked SDK is kept after its last use.
const unusedAfter = 30 * 24 * time.Hour

// markUsed notes the use of the SDK in dir. The note is the time of its lock
// file, since nothing in the SDK itself may change.
func markUsed(dir string, now time.Time) error {
	err := os.Chtimes(dir+".lock", now, now)
	if errors.Is(err, os.ErrNotExist) { // somebody tidied up
		return nil
	}
	return err
}

// prune removes the unpacked SDKs in parent that nobody has used for long.
func prune(parent string, now time.Time) error {
	locks, err := filepath.Glob(filepath.Join(parent, "*.lock"))
	if err != nil {
		return err
	}
	var errs []error
	for _, name := range locks {
		info, err := os.Stat(name)
		if err != nil || now.Sub(info.ModTime()) < unusedAfter {
			continue
		}
		if err := removeUnused(name); err != nil {
			errs = append(errs, fmt.Errorf("removing an unused SDK: %w", err))
		}
	}
	return errors.Join(errs...)
}

// removeUnused removes the SDK whose lock file is name, unless it is locked.
func removeUnused(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	if unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) != nil {
		return nil
	}
	dir := strings.TrimSuffix(name, ".lock")
	return errors.Join(os.RemoveAll(dir+".new"), os.RemoveAll(dir), os.Remove(name))
}

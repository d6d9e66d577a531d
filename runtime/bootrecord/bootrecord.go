// Package bootrecord counts the boots of a host, in a small file in STATE that
// survives a power cut at any moment.
package bootrecord

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"
)

// Path is where the record is.
const Path = "/var/lib/slipway/boot.json"

// A Record is what is known of this host's boots.
type Record struct {
	BootID    string    `json:"boot_id"`    // of the boot counted last
	Count     uint64    `json:"count"`      // 1 at the first boot
	FirstBoot time.Time `json:"first_boot"` // UTC, by the clock of that boot
}

// Count counts the boot bootID, once however often it is called during it, in
// the file at path. The folder must exist. A file that does not parse is moved
// aside to path + ".bad" and counting starts again.
//
// The record is right for this boot even where it could not be written (the
// disk is full, say), which err then says.
func Count(path, bootID string, now time.Time) (Record, error) {
	last, err := read(path)
	if errors.Is(err, errCorrupt) {
		err = errors.Join(err, setAside(path))
	}
	if last.BootID == bootID {
		return last, err
	}
	unreadable := err != nil && !errors.Is(err, errCorrupt)
	next := Record{BootID: bootID, Count: last.Count + 1, FirstBoot: last.FirstBoot}
	if next.FirstBoot.IsZero() {
		next.FirstBoot = now.UTC().Truncate(time.Second)
	}
	if unreadable { // what cannot be read is not overwritten either
		return next, err
	}
	return next, errors.Join(err, write(path, next))
}

var errCorrupt = errors.New("the boot record is damaged")

// read returns the zero Record where there is no file.
func read(path string) (Record, error) {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return Record{}, nil
	}
	if err != nil {
		return Record{}, fmt.Errorf("reading the boot record: %w", err)
	}
	var r Record
	if err := json.Unmarshal(b, &r); err != nil {
		return Record{}, fmt.Errorf("%w: %w", errCorrupt, err)
	}
	if r.BootID == "" || r.Count == 0 {
		return Record{}, fmt.Errorf("%w: it lacks boot_id or count", errCorrupt)
	}
	return r, nil
}

func setAside(path string) error {
	if err := os.Rename(path, path+".bad"); err != nil {
		return fmt.Errorf("moving the damaged boot record aside: %w", err)
	}
	return nil
}

// write replaces the file as a whole: new file, fsync, rename, fsync of the
// folder, so that the count that was reported outlives a power cut.
func write(path string, r Record) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the boot record: %w", err)
	}
	if err := renameio.WriteFile(path, append(b, '\n'), 0o644, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("writing the boot record: %w", err)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return fmt.Errorf("making the boot record durable: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("making the boot record durable: %w", err)
	}
	return nil
}

package store

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// A snapshot is a copy of the file as a version last had it: byte for byte, so
// that an older system can read what it wrote itself. That of the version which
// runs is made anew after each change, and stands in for a damaged file.

const snapshotSuffix = ".json"

func (s *Store) snapshotPath(version string) string {
	return filepath.Join(s.o.snapshots(), version+snapshotSuffix)
}

// readSnapshots is the good ones, by version. Those that cannot be read are no
// use, and no reason to stop.
func (s *Store) readSnapshots() map[string]document {
	found := map[string]document{}
	names, err := s.o.FS.ReadDir(s.o.snapshots())
	if err != nil {
		return found
	}
	for _, name := range names {
		version, ok := strings.CutSuffix(name, snapshotSuffix)
		if !ok || checkVersion(version) != nil {
			continue
		}
		raw, err := s.o.FS.ReadFile(s.snapshotPath(version), s.o.readLimit())
		if err != nil {
			continue
		}
		if d, err := decode(raw); err == nil && d.Version == version {
			found[version] = d
		}
	}
	return found
}

// refreshSnapshot makes the snapshot of this version what is in force.
func (s *Store) refreshSnapshot() error {
	data, err := s.doc.encode()
	if err != nil {
		return err
	}
	old, err := s.o.FS.ReadFile(s.snapshotPath(s.o.Version), s.o.readLimit())
	if err == nil && bytes.Equal(old, data) {
		return nil
	}
	return s.saveSnapshot(s.o.Version, data)
}

// saveSnapshot writes a snapshot and removes the oldest beyond MaxSnapshots.
func (s *Store) saveSnapshot(version string, data []byte) error {
	if err := s.o.FS.Mkdir(s.o.snapshots()); err != nil {
		return fmt.Errorf("saving the snapshot of version %s: %w", version, err)
	}
	if err := s.o.FS.SyncDir(s.o.Dir); err != nil {
		return fmt.Errorf("saving the snapshot of version %s: %w", version, err)
	}
	if _, err := replace(s.o.FS, s.snapshotPath(version), data); err != nil {
		return fmt.Errorf("saving the snapshot of version %s: %w", version, err)
	}
	if err := s.pruneSnapshots(version); err != nil {
		return fmt.Errorf("removing old snapshots: %w", err)
	}
	return nil
}

// pruneSnapshots removes whatever is neither one of the newest good snapshots
// nor that of version or of the version that runs, to which there may yet be a
// way back.
func (s *Store) pruneSnapshots(version string) error {
	names, err := s.o.FS.ReadDir(s.o.snapshots())
	if err != nil || len(names) <= MaxSnapshots {
		return err
	}
	good := s.readSnapshots()
	kept := map[string]bool{version + snapshotSuffix: true, s.o.Version + snapshotSuffix: true}
	newest := slices.SortedFunc(maps.Keys(good), func(a, b string) int {
		return cmp.Or(cmp.Compare(good[b].Seq, good[a].Seq), cmp.Compare(a, b))
	})
	for _, v := range newest {
		if len(kept) < MaxSnapshots {
			kept[v+snapshotSuffix] = true
		}
	}
	for _, name := range names {
		if err == nil && !kept[name] {
			err = s.o.FS.Remove(filepath.Join(s.o.snapshots(), name))
		}
	}
	return err
}

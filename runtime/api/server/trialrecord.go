package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/runtime/store"
)

// trialPath is where a trial is noted before it begins, in STATE, so that
// whatever happens then, the way back is known.
const trialPath = "/var/lib/slipway/trial.json"

// A trialRecord says how to take a change back.
type trialRecord struct {
	Before store.State `json:"before"` // without defaults
	Seq    uint64      `json:"seq"`    // of the change
	Keys   []string    `json:"keys"`
	BootID string      `json:"boot_id"`
	// Deadline is in seconds since the kernel's start, since the clock may be
	// set during a trial.
	Deadline float64 `json:"deadline"`
}

// left is the time until the change is taken back. It is over if the host was
// restarted: a change that nobody confirmed does not outlive that.
func (t trialRecord) left(bootID string, uptime time.Duration) time.Duration {
	if t.BootID != bootID {
		return 0
	}
	return max(0, time.Duration(t.Deadline*float64(time.Second))-uptime)
}

// readTrial returns nil where there is no record.
func readTrial(root string) (*trialRecord, error) {
	b, err := os.ReadFile(filepath.Join(root, trialPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the record of the trial: %w", err)
	}
	var t trialRecord
	if err := json.Unmarshal(b, &t); err != nil {
		return nil, fmt.Errorf("reading the record of the trial: %w", err)
	}
	return &t, nil
}

// write makes the record durable.
func (t trialRecord) write(root string) error {
	b, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("noting the way back: %w", err)
	}
	path := filepath.Join(root, trialPath)
	if err := renameio.WriteFile(path, b, 0o600, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("noting the way back: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

// removeTrial makes the end of a trial durable.
func removeTrial(root string) error {
	path := filepath.Join(root, trialPath)
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("ending the trial: %w", err)
	}
	return syncDir(filepath.Dir(path))
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("making it durable: %w", err)
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return fmt.Errorf("making it durable: %w", err)
	}
	return nil
}

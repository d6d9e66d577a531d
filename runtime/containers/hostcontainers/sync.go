// Package hostcontainers keeps the units of host containers as the settings
// have them, and is what those units run.
package hostcontainers

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// RecordDir has a file for each host container that was started: the settings
// it was started with.
const RecordDir = "/run/slipway/host-containers"

// Unit is the name of a host container's unit. It has the container's name as it
// is, for people to ask the journal for: names have no characters that a unit's
// name cannot have.
func Unit(name string) string { return "host-container@" + name + ".service" }

// A Syncer makes units follow settings.
type Syncer struct {
	Config  containers.Config
	Manager systemd.Manager
	Root    string // folder that stands for the host's root; "" is the real one
	Log     *slog.Logger
}

// Sync starts the units of enabled host containers, stops those of others, and
// restarts those whose settings have changed. One that cannot be brought there
// keeps no other from it; the error joins what went wrong. Done again, it
// changes nothing.
func (s *Syncer) Sync(ctx context.Context) error {
	started, err := s.records()
	if err != nil {
		return err
	}
	var failed []error
	for _, name := range slices.Sorted(maps.Keys(started)) {
		if !settings.Or(s.Config.HostContainers[settings.Identifier(name)].Enabled, false) {
			failed = append(failed, s.stop(ctx, name))
		}
	}
	for _, id := range slices.Sorted(maps.Keys(s.Config.HostContainers)) {
		if settings.Or(s.Config.HostContainers[id].Enabled, false) {
			failed = append(failed, s.start(ctx, string(id), started[string(id)]))
		}
	}
	return errors.Join(failed...)
}

func (s *Syncer) stop(ctx context.Context, name string) error {
	s.Log.Info("host container is off", "container", name)
	if err := s.Manager.Stop(ctx, Unit(name)); err != nil {
		return fmt.Errorf("stopping host container %s: %w", name, err)
	}
	if err := os.Remove(s.record(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("forgetting host container %s: %w", name, err)
	}
	return nil
}

// start starts a unit unless it runs with these very settings.
func (s *Syncer) start(ctx context.Context, name, before string) error {
	c, err := s.Config.HostContainer(name)
	if err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("describing host container %s: %w", name, err)
	}
	if string(b) == before {
		state, err := s.Manager.ActiveState(ctx, Unit(name))
		if err != nil {
			return fmt.Errorf("starting host container %s: %w", name, err)
		}
		if state == "active" || state == "activating" {
			return nil
		}
	}
	s.Log.Info("host container is started", "container", name, "image", c.Source, "superpowered", c.Superpowered)
	// The record comes first: a unit without one would never be stopped.
	path := s.record(name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("noting host container %s: %w", name, err)
	}
	if err := renameio.WriteFile(path, b, 0o600); err != nil {
		return fmt.Errorf("noting host container %s: %w", name, err)
	}
	if err := s.Manager.Restart(ctx, Unit(name)); err != nil {
		return fmt.Errorf("starting host container %s: %w", name, err)
	}
	return nil
}

const recordSuffix = ".json"

func (s *Syncer) record(name string) string {
	return filepath.Join("/", s.Root, RecordDir, name+recordSuffix)
}

// records reads what host containers were started with.
func (s *Syncer) records() (map[string]string, error) {
	dir := filepath.Join("/", s.Root, RecordDir)
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing started host containers: %w", err)
	}
	found := map[string]string{}
	for _, f := range files {
		name, ok := strings.CutSuffix(f.Name(), recordSuffix)
		if !ok {
			continue
		}
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			return nil, fmt.Errorf("reading what host container %s was started with: %w", name, err)
		}
		found[name] = string(b)
	}
	return found, nil
}

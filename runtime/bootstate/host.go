package bootstate

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/store"
)

// Observe finds out what this boot is of, from the device that the root lies
// on: neither variables nor names are asked.
func Observe(h host.Host) (Running, host.Root, error) {
	root, err := h.RootFS()
	if err != nil {
		return Running{}, root, fmt.Errorf("finding out which slot runs: %w", err)
	}
	release, err := h.Release()
	if err != nil {
		return Running{}, root, err
	}
	id, err := h.BootID()
	if err != nil {
		return Running{}, root, err
	}
	v := intent.Version{Version: release.VersionID, RootHash: root.RootHash, Slot: root.Slot}
	return Running{Version: v, BootID: id}, root, nil
}

// Open mounts the EFI system partition of this host for a Manager, until the
// function that it returns is called. It needs CAP_SYS_ADMIN, a mount
// namespace of its own, and CAP_LINUX_IMMUTABLE for EFI variables.
func Open(h host.Host) (*Manager, func() error, error) {
	running, root, err := Observe(h)
	if err != nil {
		return nil, nil, err
	}
	sys := filepath.Join(h.Root, "sys")
	folder, unmount, err := esp.Mount(sys, strings.TrimPrefix(root.Device, "/dev/"))
	if err != nil {
		return nil, nil, err
	}
	m := &Manager{
		Record: intent.File{FS: store.OS, Dir: intent.Dir}, ESP: folder, Vars: efivar.FS{Dir: efivar.Dir},
		Running: running, Now: time.Now,
		Evidence: Evidence{PStore: filepath.Join(sys, "fs/pstore"), Journal: readJournal}.Find,
	}
	return m, unmount, nil
}

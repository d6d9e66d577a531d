package machine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

// EditState runs commands of debugfs(8) on the STATE file system of a machine
// that was shut down, as a foreign hand or a failing disk would change it.
func (m *Machine) EditState(ctx context.Context, commands ...string) error {
	device, err := m.stateDevice(ctx)
	if err != nil {
		return fmt.Errorf("editing STATE: %w", err)
	}
	m.Timeline.Add("editing STATE: %s", strings.Join(commands, "; "))
	return debugfs(ctx, device, commands...)
}

// FillState fills the STATE file system of a machine that was shut down, so that
// no block is left.
func (m *Machine) FillState(ctx context.Context) error {
	device, err := m.stateDevice(ctx)
	if err != nil {
		return fmt.Errorf("filling STATE: %w", err)
	}
	free, size, err := freeBlocks(ctx, device)
	if err != nil {
		return fmt.Errorf("filling STATE: %w", err)
	}
	m.Timeline.Add("filling STATE: %d blocks of %d bytes are free", free, size)
	// One file takes what is left but for its own extents, small ones the rest;
	// that the last of them find no room is what is wanted. Zeros would become
	// holes.
	large, small := filepath.Join(m.config.Dir, "filler"), filepath.Join(m.config.Dir, "crumb")
	const spare = 64
	err = errors.Join(
		os.WriteFile(large, bytes.Repeat([]byte{0xa5}, int(max(free-spare, 0)*size)), 0o600),
		os.WriteFile(small, bytes.Repeat([]byte{0xa5}, int(size)), 0o600))
	if err != nil {
		return fmt.Errorf("filling STATE: %w", err)
	}
	commands := []string{"write " + large + " filler"}
	for i := range 2 * spare {
		commands = append(commands, fmt.Sprintf("write %s crumb-%d", small, i))
	}
	if err := debugfs(ctx, device, commands...); err != nil {
		return fmt.Errorf("filling STATE: %w", err)
	}
	if free, _, err = freeBlocks(ctx, device); err == nil && free > 0 {
		err = fmt.Errorf("%d blocks are still free", free)
	}
	return err
}

// ShutDown turns a machine off in order: it asks for a reboot and cuts the power
// when the host has let go of its disk.
func (m *Machine) ShutDown(ctx context.Context) error {
	if err := m.Reboot(ctx); err != nil {
		return fmt.Errorf("shutting down: %w", err)
	}
	m.PowerCut()
	return nil
}

// stateDevice makes the machine's disk one plain file and names STATE in it as
// libext2fs does: FILE?offset=BYTES. Its journal must be empty, as ShutDown
// leaves it.
func (m *Machine) stateDevice(ctx context.Context) (string, error) {
	if m.vm != nil {
		return "", errors.New("the machine is on")
	}
	if m.Disk.Format != "raw" {
		flat := filepath.Join(m.config.Dir, "disk.raw")
		if err := m.Disk.Convert(ctx, flat); err != nil {
			return "", err
		}
		m.Disk = qemu.Disk{Path: flat, Format: "raw"}
		m.config.Disk = m.Disk
	}
	p, err := image.FindPartition(ctx, m.Disk.Path, "STATE")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s?offset=%d", m.Disk.Path, p.Start), nil
}

func debugfs(ctx context.Context, device string, commands ...string) error {
	cmd := exec.CommandContext(ctx, "debugfs", "-w", "-f", "-", device)
	cmd.Stdin = strings.NewReader(strings.Join(commands, "\n") + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("debugfs: %w: %s", err, out)
	}
	return nil
}

var statLine = regexp.MustCompile(`(?m)^(Free blocks|Block size):\s+(\d+)$`)

// freeBlocks asks how many blocks are free and how large they are, in bytes.
func freeBlocks(ctx context.Context, device string) (free, size int64, err error) {
	out, err := exec.CommandContext(ctx, "debugfs", "-R", "stats -h", device).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("debugfs: %w", err)
	}
	for _, f := range statLine.FindAllSubmatch(out, -1) {
		n, err := strconv.ParseInt(string(f[2]), 10, 64)
		if err != nil {
			return 0, 0, fmt.Errorf("debugfs: %w", err)
		}
		if string(f[1]) == "Free blocks" {
			free = n
		} else {
			size = n
		}
	}
	if size == 0 {
		return 0, 0, errors.New("debugfs tells no block size")
	}
	return free, size, nil
}

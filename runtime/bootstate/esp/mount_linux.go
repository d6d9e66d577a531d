package esp

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// MountPoint is where the partition is mounted, in the mount namespace of
// whoever changes it (PrivateMounts=yes) and only for as long.
const MountPoint = "/run/slipway/esp"

// linux is where the images are, from the mount point.
const linux = "EFI/Linux"

// label of the partition, see imagetool/layout.
const label = "ESP"

// options do not depend on the kernel's defaults. Names are ASCII alone.
const options = "umask=0077,codepage=437,iocharset=ascii,shortname=winnt,errors=remount-ro"

// ErrNone says that the disk has no EFI system partition: the host was started
// by other means.
var ErrNone = errors.New("there is no EFI system partition")

// Mount mounts the EFI system partition of the disk that a device (dm-0,
// vda2) lies on, and returns its folder and what unmounts it.
//
// It is mounted dirsync, so that the steps of a rename reach the disk in their
// order: the new name is there before the old one goes.
func Mount(sys, device string) (Folder, func() error, error) {
	part, err := find(sys, device)
	if err != nil {
		return Folder{}, nil, fmt.Errorf("finding the EFI system partition: %w", err)
	}
	if err := os.MkdirAll(MountPoint, 0o700); err != nil {
		return Folder{}, nil, fmt.Errorf("mounting the EFI system partition: %w", err)
	}
	const flags = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC | unix.MS_NOATIME | unix.MS_DIRSYNC
	if err := unix.Mount("/dev/"+part, MountPoint, "vfat", flags, options); err != nil {
		return Folder{}, nil, fmt.Errorf("mounting /dev/%s: %w", part, err)
	}
	unmount := func() error {
		if err := unix.Unmount(MountPoint, 0); err != nil {
			return fmt.Errorf("unmounting /dev/%s: %w", part, err)
		}
		return nil
	}
	return Folder{FS: OS, Dir: filepath.Join(MountPoint, linux)}, unmount, nil
}

// find returns the name of the partition labelled ESP on the disk that a
// partition, or a device-mapper device, lies on. Other disks may have one, too.
func find(sys, device string) (string, error) {
	block := filepath.Join(sys, "class/block")
	if slaves, err := os.ReadDir(filepath.Join(block, device, "slaves")); err == nil && len(slaves) > 0 {
		device = slaves[0].Name()
	}
	// /sys/class/block/vda2 leads to …/block/vda/vda2.
	real, err := filepath.EvalSymlinks(filepath.Join(block, device))
	if err != nil {
		return "", err
	}
	disk := filepath.Dir(real)
	entries, err := os.ReadDir(disk)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(disk, e.Name(), "uevent"))
		if err != nil {
			continue // no partition
		}
		if strings.Contains("\n"+string(b), "\nPARTNAME="+label+"\n") {
			return e.Name(), nil
		}
	}
	return "", fmt.Errorf("%w: no partition of %s is labelled %s", ErrNone, filepath.Base(disk), label)
}

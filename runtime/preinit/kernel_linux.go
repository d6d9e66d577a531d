package preinit

import (
	"crypto/rand"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// etcOptions bound what a runaway writer can take of the memory.
const etcOptions = "mode=0755,size=32m,nr_inodes=16k"

func newHost(say func(format string, args ...any)) Host {
	return Host{Root: "/", Kernel: linux{}, Random: rand.Reader, Log: say}
}

// linux is the real kernel.
type linux struct{}

func (linux) MountSys(dir string) error {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return fmt.Errorf("looking at %s: %w", dir, err)
	}
	if int64(fs.Type) == unix.SYSFS_MAGIC {
		return nil
	}
	err := unix.Mount("sysfs", dir, "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "")
	if errors.Is(err, unix.EBUSY) {
		return nil
	}
	return err
}

func (linux) MountEtc(dir string) error {
	return unix.Mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, etcOptions)
}

func (linux) Exec(path string, argv, env []string) error { return unix.Exec(path, argv, env) }

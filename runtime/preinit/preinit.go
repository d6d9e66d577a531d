// Package preinit is the first process: there is no initramfs, so it does the
// one thing that systemd needs and a read-only root lacks, a writable /etc,
// and then becomes systemd.
//
// Whatever fails here is said on the console and ends the process. The kernel
// answers the death of process 1 with a panic, and "panic=10" on the command
// line turns that into a reboot: a failure never hangs.
package preinit

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-os/slipway/runtime/console"
)

// Init is what preinit becomes.
const Init = "/usr/lib/systemd/systemd"

// limit is how long the whole may take; it takes milliseconds.
const limit = 60 * time.Second

// A Kernel is the part of the kernel that preinit asks for, replaced in tests.
type Kernel interface {
	// MountSys mounts sysfs on dir, unless it is there already.
	MountSys(dir string) error
	// MountEtc mounts an empty tmpfs on dir.
	MountEtc(dir string) error
	// Exec replaces this process. It returns only on failure.
	Exec(path string, argv, env []string) error
}

// Host is a root file system and the kernel under it.
type Host struct {
	Root   string // "/" but for tests
	Kernel Kernel
	Random io.Reader // for the machine ID of last resort
	Log    func(format string, args ...any)
}

// Main is the preinit command. args are handed on to systemd.
func Main(args []string, _, stderr io.Writer) error {
	if os.Getpid() != 1 {
		return errors.New("this runs only as the first process of the machine")
	}
	w := console.Open(stderr)
	say := func(format string, args ...any) { console.Printf(w, "preinit: "+format, args...) }
	time.AfterFunc(limit, func() {
		say("gave up after %s", limit)
		os.Exit(1)
	})
	err := newHost(say).Boot(args, os.Environ())
	say("FAILED: %v", err)
	say("the machine restarts in a few seconds")
	return err
}

// Boot prepares the host and becomes systemd with the given arguments (after
// its name) and environment. It returns only on failure.
func (h Host) Boot(args, env []string) error {
	if err := h.Prepare(); err != nil {
		return err
	}
	init := h.path(Init)
	if err := h.Kernel.Exec(init, append([]string{Init}, args...), env); err != nil {
		return fmt.Errorf("starting %s: %w", Init, err)
	}
	return nil
}

// Prepare mounts /sys and /etc and fills the latter.
func (h Host) Prepare() error {
	if err := h.Kernel.MountSys(h.path("/sys")); err != nil {
		return fmt.Errorf("mounting /sys: %w", err)
	}
	etc := h.path("/etc")
	if err := h.Kernel.MountEtc(etc); err != nil {
		return fmt.Errorf("mounting a tmpfs on /etc: %w", err)
	}
	if err := copyTree(h.path("/usr/share/factory/etc"), etc); err != nil {
		return fmt.Errorf("filling /etc: %w", err)
	}
	if err := h.protect(); err != nil {
		return err
	}
	if err := h.linkOSRelease(); err != nil {
		return err
	}
	if err := h.writeMachineID(); err != nil {
		return err
	}
	return h.markUpToDate()
}

// protect takes the files with passwords from everybody's eyes, whatever modes
// the image's file system has.
func (h Host) protect() error {
	for _, name := range []string{"shadow", "gshadow"} {
		err := os.Chmod(h.path("/etc/"+name), 0o600)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("protecting %s: %w", name, err)
		}
	}
	return nil
}

// linkOSRelease makes /etc/os-release the link that os-release(5) asks for,
// where the factory tree has none.
func (h Host) linkOSRelease() error {
	err := os.Symlink("../usr/lib/os-release", h.path("/etc/os-release"))
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("linking os-release: %w", err)
	}
	return nil
}

// markUpToDate gives /etc/.updated the time stamp of /usr, which is how
// systemd.unit(5) ConditionNeedsUpdate= learns that /etc belongs to this /usr:
// it does, by construction, so that nothing is rebuilt at every boot.
func (h Host) markUpToDate() error {
	usr, err := os.Stat(h.path("/usr"))
	if err != nil {
		return fmt.Errorf("reading the age of /usr: %w", err)
	}
	stamp := h.path("/etc/.updated")
	if err := os.WriteFile(stamp, nil, 0o644); err != nil {
		return fmt.Errorf("marking /etc as up to date: %w", err)
	}
	if err := os.Chtimes(stamp, usr.ModTime(), usr.ModTime()); err != nil {
		return fmt.Errorf("marking /etc as up to date: %w", err)
	}
	return nil
}

func (h Host) path(p string) string { return filepath.Join(h.Root, p) }

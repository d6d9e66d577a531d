package qemu

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// sockets are what connects QEMU with this process. They are made here and
// inherited by QEMU, so that they can be used at once.
type sockets struct {
	theirs  []*os.File // qmp, door, console if any
	console *os.File   // our end
}

func openSockets(f files, terminal bool) (*sockets, error) {
	s := &sockets{}
	for _, path := range []string{f.qmp, f.door} {
		file, err := listen(path)
		if err != nil {
			s.closeTheirs()
			return nil, err
		}
		s.theirs = append(s.theirs, file)
	}
	if terminal {
		return s, nil
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		s.closeTheirs()
		return nil, fmt.Errorf("making the console: %w", err)
	}
	s.console = os.NewFile(uintptr(pair[0]), "console")
	s.theirs = append(s.theirs, os.NewFile(uintptr(pair[1]), "console"))
	return s, nil
}

// numbers are the descriptors in QEMU, see exec.Cmd.ExtraFiles.
func (s *sockets) numbers() inherited { return inherited{qmp: 3, door: 4, console: 5} }

func (s *sockets) closeTheirs() {
	for _, f := range s.theirs {
		f.Close()
	}
}

// listen makes a listening socket at path, in place of one of an earlier run.
func listen(path string) (*os.File, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, fmt.Errorf("making socket %s: %w", path, err)
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, fmt.Errorf("making socket %s (%d bytes, unix(7) takes 107): %w", filepath.Base(path), len(path), err)
	}
	l.SetUnlinkOnClose(false)
	defer l.Close()
	file, err := l.File()
	if err != nil {
		return nil, fmt.Errorf("making socket %s: %w", path, err)
	}
	return file, nil
}

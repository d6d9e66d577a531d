// Package virtioport serves HTTP on a virtio-serial port: a byte stream between
// host and guest that is one file, not a socket.
//
// The port has no connections. What it has is a state, whether somebody on the
// host's side holds it open: if nobody does, a read returns end of file and
// poll(2) reports POLLHUP (linux/drivers/char/virtio_console.c). The listener
// here makes a connection out of that: it begins with the first byte from the
// host and ends when the host's side closes. The next one starts afresh. So
// clients take turns, which the kernel demands anyway.
package virtioport

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Find returns the device of the port called name, such as /dev/vport1p1,
// below root. It wraps fs.ErrNotExist if there is none.
func Find(root, name string) (string, error) {
	ports, err := filepath.Glob(filepath.Join(root, "/sys/class/virtio-ports/*/name"))
	if err != nil {
		return "", fmt.Errorf("listing virtio ports: %w", err)
	}
	for _, p := range ports {
		b, err := os.ReadFile(p)
		if err != nil {
			return "", fmt.Errorf("listing virtio ports: %w", err)
		}
		if strings.TrimSpace(string(b)) == name {
			return filepath.Join(root, "/dev", filepath.Base(filepath.Dir(p))), nil
		}
	}
	return "", fmt.Errorf("no virtio port is called %s: %w", name, fs.ErrNotExist)
}

// Open returns a listener on the port's device.
func Open(device string) (*Listener, error) {
	f, err := os.OpenFile(device, os.O_RDWR|unix.O_NOCTTY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("opening the virtio port: %w", err)
	}
	l, err := newListener(f, f)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return l, nil
}

// A Listener hands out one connection at a time.
type Listener struct {
	in, out       *os.File
	inRaw, outRaw syscall.RawConn
	turn          chan struct{} // holds a token while no connection is open
	closed        chan struct{}
	closeOnce     sync.Once
}

// newListener reads from in and writes to out; for a port both are the same
// file. Both are in the runtime's poller, so that deadlines work.
func newListener(in, out *os.File) (*Listener, error) {
	inRaw, err1 := in.SyscallConn()
	outRaw, err2 := out.SyscallConn()
	err := errors.Join(err1, err2, in.SetReadDeadline(time.Time{}), out.SetWriteDeadline(time.Time{}))
	if err != nil {
		return nil, fmt.Errorf("preparing the virtio port: %w", err)
	}
	l := &Listener{
		in: in, out: out, inRaw: inRaw, outRaw: outRaw,
		turn: make(chan struct{}, 1), closed: make(chan struct{}),
	}
	l.turn <- struct{}{}
	return l, nil
}

// Accept waits until the connection before is closed and the host has sent
// something.
func (l *Listener) Accept() (net.Conn, error) {
	select {
	case <-l.turn:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	var failed error
	err := l.inRaw.Read(func(fd uintptr) bool {
		ready, err := l.wanted(int(fd))
		failed = err
		return ready || err != nil
	})
	if err := errors.Join(err, failed); err != nil {
		l.turn <- struct{}{}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		default:
			return nil, fmt.Errorf("waiting for the virtio port: %w", err)
		}
	}
	return &conn{l: l}, nil
}

// wanted tells whether there is a byte from a host's side that is still there.
// What one has left behind that is gone is thrown away.
func (l *Listener) wanted(fd int) (bool, error) {
	events, err := poll(fd, unix.POLLIN)
	if err != nil {
		return false, err
	}
	if events&unix.POLLHUP != 0 {
		return false, drain(fd)
	}
	return events&unix.POLLIN != 0, nil
}

// Close ends the listener; a connection in use ends with an error.
func (l *Listener) Close() error {
	err := fs.ErrClosed
	l.closeOnce.Do(func() {
		close(l.closed)
		err = l.in.Close()
		if l.out != l.in {
			err = errors.Join(err, l.out.Close())
		}
	})
	return err
}

// Addr implements net.Listener.
func (l *Listener) Addr() net.Addr { return addr(l.in.Name()) }

type addr string

func (a addr) Network() string { return "virtio-serial" }
func (a addr) String() string  { return string(a) }

// poll asks for events of fd without waiting.
func poll(fd int, events int16) (int16, error) {
	fds := []unix.PollFd{{Fd: int32(fd), Events: events}}
	for {
		_, err := unix.Poll(fds, 0)
		if err == unix.EINTR {
			continue
		}
		return fds[0].Revents, err
	}
}

// drain reads until there is nothing to read right now.
func drain(fd int) error {
	var b [4096]byte
	for {
		n, err := unix.Read(fd, b[:])
		switch {
		case err == unix.EINTR:
		case err == unix.EAGAIN, err == nil && n == 0:
			return nil
		case err != nil:
			return fmt.Errorf("clearing the virtio port: %w", err)
		}
	}
}

// readOnce reads without waiting: again says that there is nothing yet, io.EOF
// that the host side is gone.
func readOnce(fd int, b []byte) (n int, again bool, err error) {
	n, err = unix.Read(fd, b)
	switch {
	case err == unix.EAGAIN:
		return 0, true, nil
	case err == unix.EINTR:
		return readOnce(fd, b)
	case err != nil:
		return 0, false, err
	case n == 0 && len(b) > 0:
		return 0, false, io.EOF
	}
	return n, false, nil
}

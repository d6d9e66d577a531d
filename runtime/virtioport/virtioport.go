// Package virtioport serves HTTP on a virtio-serial port: a byte stream between
// host and guest that is one file, not a socket.
//
// The port has no connections, only a state: whether somebody on the host's
// side holds it open. If nobody does, a read without data returns end of file
// and poll(2) reports POLLHUP (linux/drivers/char/virtio_console.c). State and
// data come on different queues, so that the first bytes of a new client can be
// there before the news that it is.
//
// The listener here makes connections of that, one at a time. One begins with
// the first byte; it ends when the host's side is gone in the middle of a
// request or an answer. Between requests nothing is half done, so clients that
// come and go there share a connection, and no byte is ever thrown away.
package virtioport

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
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
	grace         time.Duration // see conn.early
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
		turn: make(chan struct{}, 1), closed: make(chan struct{}), grace: 2 * time.Second,
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
	c := &conn{l: l}
	c.idle.Store(true) // wait, whatever the state, for the first byte
	first := make([]byte, 1)
	n, err := c.Read(first)
	if err != nil {
		l.turn <- struct{}{}
		select {
		case <-l.closed:
			return nil, net.ErrClosed
		default:
			return nil, fmt.Errorf("waiting for the virtio port: %w", err)
		}
	}
	c.pushed = first[:n]
	return c, nil
}

// Track is for http.Server.ConnState: it tells a connection of this package
// that it is between requests. It does nothing to others.
func Track(nc net.Conn, state http.ConnState) {
	if c, ok := nc.(*conn); ok && state == http.StateIdle {
		c.idle.Store(true)
	}
}

// gone tells whether nobody holds the host's side open.
func (l *Listener) gone() (gone bool, err error) {
	cerr := l.inRaw.Control(func(fd uintptr) {
		fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		for {
			if _, err = unix.Poll(fds, 0); err != unix.EINTR {
				break
			}
		}
		gone = fds[0].Revents&(unix.POLLHUP|unix.POLLERR) != 0
	})
	return gone, errors.Join(cerr, err)
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

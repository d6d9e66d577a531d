package virtioport

import (
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// conn is the time during which the host's side stays open.
type conn struct {
	l *Listener

	closed    atomic.Bool
	sawEOF    atomic.Bool
	reading   sync.Mutex // held during a read
	writing   sync.Mutex // held during a write
	closeOnce sync.Once
}

// Read returns io.EOF once the host's side is gone.
func (c *conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if c.closed.Load() {
		return 0, net.ErrClosed
	}
	var n int
	var failed error
	err := c.l.inRaw.Read(func(fd uintptr) bool {
		var again bool
		n, again, failed = readOnce(int(fd), b)
		return !again || c.closed.Load()
	})
	if err == nil {
		err = failed
	}
	if err == io.EOF {
		c.sawEOF.Store(true)
	}
	return n, err
}

// Write fails with unix.EPIPE once the host's side is gone: the port would wait
// for the next one and give it what was meant for this one.
func (c *conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	done := 0
	for done < len(b) {
		switch {
		case c.closed.Load():
			return done, net.ErrClosed
		case c.sawEOF.Load(): // somebody else may be there by now
			return done, unix.EPIPE
		}
		n, err := c.writeOnce(b[done:])
		done += n
		if err != nil {
			return done, fmt.Errorf("writing to the virtio port: %w", err)
		}
	}
	return done, nil
}

func (c *conn) writeOnce(b []byte) (n int, err error) {
	var failed error
	err = c.l.outRaw.Write(func(fd uintptr) bool {
		if c.closed.Load() {
			failed = net.ErrClosed
			return true
		}
		var events int16
		if events, failed = poll(int(fd), unix.POLLOUT); failed != nil {
			return true
		}
		if events&(unix.POLLHUP|unix.POLLERR) != 0 {
			failed = unix.EPIPE
			return true
		}
		n, failed = unix.Write(int(fd), b)
		if failed == unix.EAGAIN || failed == unix.EINTR {
			n, failed = 0, nil
			return false
		}
		return true
	})
	if err == nil {
		err = failed
	}
	return max(n, 0), err
}

// Close ends this connection only; the file stays open for the next. It returns
// when no read or write is under way any more.
func (c *conn) Close() error {
	err := net.ErrClosed
	c.closeOnce.Do(func() {
		c.closed.Store(true)
		past := time.Unix(1, 0)
		err = errors.Join(c.l.in.SetReadDeadline(past), c.l.out.SetWriteDeadline(past))
		c.reading.Lock() // the reader has left
		c.writing.Lock()
		defer c.reading.Unlock()
		defer c.writing.Unlock()
		if !c.sawEOF.Load() {
			// We hang up: what this client goes on saying is not for the next.
			err = errors.Join(err, c.forget())
		}
		err = errors.Join(err, c.l.in.SetReadDeadline(time.Time{}), c.l.out.SetWriteDeadline(time.Time{}))
		c.l.turn <- struct{}{}
	})
	return err
}

func (c *conn) forget() error {
	if err := c.l.in.SetReadDeadline(time.Time{}); err != nil {
		return err
	}
	var failed error
	err := c.l.inRaw.Read(func(fd uintptr) bool {
		failed = drain(int(fd))
		return true
	})
	return errors.Join(err, failed)
}

func (c *conn) LocalAddr() net.Addr  { return c.l.Addr() }
func (c *conn) RemoteAddr() net.Addr { return c.l.Addr() }

func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

func (c *conn) SetReadDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	return c.l.in.SetReadDeadline(t)
}

func (c *conn) SetWriteDeadline(t time.Time) error {
	if c.closed.Load() {
		return net.ErrClosed
	}
	return c.l.out.SetWriteDeadline(t)
}

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

// conn is one connection; its methods may be called at the same time.
type conn struct {
	l      *Listener
	pushed []byte // read already, given out first; guarded by reading

	closed atomic.Bool
	idle   atomic.Bool // between requests: the host's side may come and go
	sawEOF atomic.Bool
	// early is the time, in Unix nanoseconds, until which the host's side counts
	// as there though it does not show: its first bytes have overtaken the news.
	early atomic.Int64

	reading   sync.Mutex // held during a read
	writing   sync.Mutex // held during a write
	closeOnce sync.Once
}

// look is how often the host's side is looked at while it is early.
const look = 2 * time.Millisecond

// Read returns io.EOF once the host's side is gone in the middle of something.
func (c *conn) Read(b []byte) (int, error) {
	c.reading.Lock()
	defer c.reading.Unlock()
	if len(b) == 0 {
		return 0, nil
	}
	if n := copy(b, c.pushed); n > 0 {
		c.pushed = c.pushed[n:]
		return n, nil
	}
	if c.sawEOF.Load() { // stays so, or the next client would get no answer
		return 0, io.EOF
	}
	for {
		n, err := c.readOnce(b)
		switch {
		case err != nil:
			return 0, err
		case n > 0:
			c.idle.Store(false)
			return n, c.noteEarly()
		case !c.isEarly():
			c.sawEOF.Store(true)
			return 0, io.EOF
		}
		time.Sleep(look)
	}
}

// readOnce waits for data and returns 0 bytes where the host's side is gone
// and that matters.
func (c *conn) readOnce(b []byte) (n int, err error) {
	rerr := c.l.inRaw.Read(func(fd uintptr) bool {
		for {
			if c.closed.Load() {
				err = net.ErrClosed
				return true
			}
			n, err = unix.Read(int(fd), b)
			switch {
			case err == unix.EINTR:
				continue
			case err == unix.EAGAIN, err == nil && n == 0 && c.idle.Load():
				n, err = 0, nil
				return false
			}
			return true
		}
	})
	if rerr != nil {
		return 0, rerr
	}
	return max(n, 0), err
}

// noteEarly starts the time of grace if bytes came from a side that is not
// there: either not yet or no more.
func (c *conn) noteEarly() error {
	gone, err := c.l.gone()
	if gone {
		c.early.Store(time.Now().Add(c.l.grace).UnixNano())
	} else {
		c.early.Store(0)
	}
	return err
}

func (c *conn) isEarly() bool { return time.Now().UnixNano() < c.early.Load() }

// Write fails with unix.EPIPE once the host's side is gone: the port would wait
// for the next one and give it what was meant for this one.
func (c *conn) Write(b []byte) (int, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	done := 0
	for done < len(b) {
		n, err := c.writeOnce(b[done:])
		done += n
		if err == errEarly {
			time.Sleep(look)
			continue
		}
		if err != nil {
			return done, fmt.Errorf("writing to the virtio port: %w", err)
		}
	}
	return done, nil
}

var errEarly = errors.New("the host's side is not there yet")

func (c *conn) writeOnce(b []byte) (n int, err error) {
	werr := c.l.outRaw.Write(func(fd uintptr) bool {
		if err = c.mayWrite(); err != nil {
			return true
		}
		n, err = unix.Write(int(fd), b)
		if err == unix.EAGAIN || err == unix.EINTR {
			n, err = 0, nil
			return false
		}
		return true
	})
	if werr != nil {
		return 0, werr
	}
	return max(n, 0), err
}

// mayWrite tells whether who listens now is who asked.
func (c *conn) mayWrite() error {
	switch {
	case c.closed.Load():
		return net.ErrClosed
	case c.sawEOF.Load():
		return unix.EPIPE
	}
	gone, err := c.l.gone()
	switch {
	case err != nil:
		return err
	case gone && c.isEarly():
		return errEarly
	case gone:
		return unix.EPIPE
	}
	return nil
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
		err = errors.Join(err, c.l.in.SetReadDeadline(time.Time{}), c.l.out.SetWriteDeadline(time.Time{}))
		c.l.turn <- struct{}{}
	})
	return err
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

package virtioport

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

func TestFind(t *testing.T) {
	root := t.TempDir()
	for port, name := range map[string]string{"vport1p1": "org.qemu.guest_agent.0\n", "vport2p3": "dev.slipway.api\n"} {
		dir := filepath.Join(root, "sys/class/virtio-ports", port)
		if err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "name"), []byte(name), 0o444)); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Find(root, "dev.slipway.api")
	if want := filepath.Join(root, "dev/vport2p3"); got != want || err != nil {
		t.Errorf("Find = %q, %v; want %q", got, err, want)
	}
	if _, err := Find(root, "dev.slipway"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Find of a port that is not there: %v, want %v", err, fs.ErrNotExist)
	}
}

// A port made of two FIFOs: a FIFO without a writer reads as end of file and
// polls as POLLHUP, as a virtio port does while the host's side is closed.
type port struct {
	t        *testing.T
	in, out  string
	listener *Listener
}

func newPort(t *testing.T) *port {
	t.Helper()
	dir := t.TempDir()
	p := &port{t: t, in: filepath.Join(dir, "in"), out: filepath.Join(dir, "out")}
	if err := errors.Join(unix.Mkfifo(p.in, 0o600), unix.Mkfifo(p.out, 0o600)); err != nil {
		t.Fatal(err)
	}
	in, err := os.OpenFile(p.in, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	// Read and write, or a FIFO without a reader could not be opened.
	out, err := os.OpenFile(p.out, os.O_RDWR|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	if p.listener, err = newListener(in, out); err != nil {
		t.Fatal(err)
	}
	p.listener.grace = 200 * time.Millisecond
	t.Cleanup(func() { p.listener.Close() })
	return p
}

// A client is the host's side while it is open.
type client struct {
	io.Writer
	*bufio.Reader
	close func()
}

func (p *port) connect() *client {
	p.t.Helper()
	w, err := os.OpenFile(p.in, os.O_WRONLY, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	r, err := os.OpenFile(p.out, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := r.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		p.t.Fatal(err)
	}
	c := &client{
		Writer: w, Reader: bufio.NewReader(r),
		close: func() { w.Close(); r.Close() },
	}
	p.t.Cleanup(c.close)
	return c
}

func (p *port) serve(h http.HandlerFunc) { p.start(h, Track) }

func (p *port) start(h http.HandlerFunc, track func(net.Conn, http.ConnState)) {
	s := &http.Server{Handler: h, IdleTimeout: -1, ConnState: track}
	p.t.Cleanup(func() { s.Close() })
	go s.Serve(p.listener)
}

// get sends one request and returns the body of the answer.
func (c *client) get(t *testing.T, path string) string {
	t.Helper()
	if _, err := fmt.Fprintf(c, "GET %s HTTP/1.1\r\nHost: x\r\n\r\n", path); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(c.Reader, nil)
	if err != nil {
		t.Fatalf("reading the answer to %s: %v", path, err)
	}
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func echoPath(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.URL.Path) }

func TestKeepAliveAndTurns(t *testing.T) {
	p := newPort(t)
	p.serve(echoPath)
	for turn := range 5 {
		c := p.connect()
		for i := range 3 {
			want := fmt.Sprintf("/%d/%d", turn, i)
			if got := c.get(t, want); got != want {
				t.Errorf("got %q, want %q", got, want)
			}
		}
		c.close()
	}
}

func TestClientGoneInTheMiddle(t *testing.T) {
	p := newPort(t)
	handled := make(chan struct{})
	p.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/stream" {
			<-r.Context().Done() // the client's leaving must be seen
			close(handled)
			return
		}
		echoPath(w, r)
	})
	c := p.connect()
	io.WriteString(c, "GET /stream HTTP/1.1\r\nHost: x\r\n\r\n")
	time.AfterFunc(20*time.Millisecond, c.close)
	select {
	case <-handled:
	case <-time.After(10 * time.Second):
		t.Fatal("the handler was not told that the client is gone")
	}
	if got := p.connect().get(t, "/next"); got != "/next" {
		t.Errorf("the next client got %q", got)
	}
}

func TestClientGoneInTheMiddleOfARequest(t *testing.T) {
	p := newPort(t)
	ended := make(chan struct{}, 1)
	p.start(echoPath, func(c net.Conn, state http.ConnState) {
		Track(c, state)
		if state == http.StateClosed {
			ended <- struct{}{}
		}
	})
	half := p.connect()
	io.WriteString(half, "GET /half HTTP/1.1\r\nHo")
	half.close()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection goes on without a client")
	}
	if got := p.connect().get(t, "/whole"); got != "/whole" {
		t.Errorf("after half a request: got %q", got)
	}
}

// The bytes of a client can be there before the news that it is.
func TestBytesOvertakeTheirClient(t *testing.T) {
	p := newPort(t)
	early := p.connect()
	io.WriteString(early, "GET /early HTTP/1.1\r\nHost: x\r\n\r\n")
	early.close() // not there …
	p.serve(echoPath)
	time.Sleep(20 * time.Millisecond)
	late := p.connect() // … and now it is
	res, err := http.ReadResponse(late.Reader, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(res.Body); string(b) != "/early" || err != nil {
		t.Errorf("got %q (%v), want /early", b, err)
	}
	if got := late.get(t, "/next"); got != "/next" {
		t.Errorf("got %q, want /next", got)
	}
}

// A client that asked and left before its bytes were read gets no answer, and
// nobody else gets it either.
func TestClientNeverCame(t *testing.T) {
	p := newPort(t)
	c := p.connect()
	io.WriteString(c, "GET /never HTTP/1.1\r\nHost: x\r\n\r\n")
	c.close()
	closed := make(chan struct{}, 1)
	p.start(echoPath, func(c net.Conn, state http.ConnState) {
		Track(c, state)
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	})
	select {
	case <-closed:
	case <-time.After(10 * time.Second):
		t.Fatal("the connection goes on without a client")
	}
	if got := p.connect().get(t, "/mine"); got != "/mine" {
		t.Errorf("the next client got %q", got)
	}
}

func TestAnswerIsNotForTheNext(t *testing.T) {
	p := newPort(t)
	failed := make(chan error, 1)
	p.serve(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/slow" {
			echoPath(w, r)
			return
		}
		<-r.Context().Done()
		_, err := io.WriteString(w, strings.Repeat("late", 10_000))
		failed <- err
	})
	c := p.connect()
	io.WriteString(c, "GET /slow HTTP/1.1\r\nHost: x\r\n\r\n")
	time.AfterFunc(20*time.Millisecond, c.close)
	select {
	case err := <-failed:
		if !errors.Is(err, unix.EPIPE) {
			t.Errorf("late answer: %v, want %v", err, unix.EPIPE)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("the handler was not told that the client is gone")
	}
	if got := p.connect().get(t, "/mine"); got != "/mine" {
		t.Errorf("the next client got %q", got)
	}
}

// End of file is final for a connection, even if it is told of being idle later.
func TestEndOfFileStays(t *testing.T) {
	p := newPort(t)
	c := p.connect()
	io.WriteString(c, "x")
	nc, err := p.listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	b := make([]byte, 1)
	if _, err := nc.Read(b); err != nil {
		t.Fatal(err)
	}
	c.close()
	if _, err := nc.Read(b); err != io.EOF {
		t.Fatalf("read after the client has left: %v, want EOF", err)
	}
	Track(nc, http.StateIdle)
	io.WriteString(p.connect(), "y")
	if n, err := nc.Read(b); n != 0 || err != io.EOF {
		t.Errorf("read %d bytes of the next client (%v)", n, err)
	}
	if err := nc.Close(); err != nil {
		t.Error(err)
	}
	if nc, err = p.listener.Accept(); err != nil {
		t.Fatal(err)
	}
	if n, err := nc.Read(b); n != 1 || b[0] != 'y' || err != nil {
		t.Errorf("the next connection begins with %q (%v), want y", b[:n], err)
	}
}

func TestServerHangsUp(t *testing.T) {
	p := newPort(t)
	p.serve(echoPath)
	c := p.connect()
	io.WriteString(c, "THIS IS NOT HTTP\r\n\r\n")
	line, err := c.ReadString('\n')
	if err != nil || !strings.Contains(line, "400") {
		t.Errorf("answer to nonsense: %q, %v", line, err)
	}
	c.close()
	c = p.connect()
	if got := c.get(t, "/next"); got != "/next" {
		t.Errorf("the next client got %q", got)
	}
}

func TestCloseWhileWaiting(t *testing.T) {
	p := newPort(t)
	got := make(chan error)
	go func() {
		_, err := p.listener.Accept()
		got <- err
	}()
	time.AfterFunc(10*time.Millisecond, func() { p.listener.Close() })
	select {
	case err := <-got:
		if !errors.Is(err, net.ErrClosed) {
			t.Errorf("Accept: %v, want %v", err, net.ErrClosed)
		}
	case <-time.After(10 * time.Second):
		t.Fatal("Accept goes on after Close")
	}
}

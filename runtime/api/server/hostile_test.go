package server

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/apiclient"
)

// listenReal serves the handler on a socket as the daemon does, but with less
// patience.
func listenReal(t *testing.T, s *Server) (socket string) {
	t.Helper()
	socket = filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	h := s.Handler().(router)
	h.patience = 100 * time.Millisecond
	srv := newHTTPServer(h, s.Log)
	srv.ReadHeaderTimeout = 100 * time.Millisecond
	srv.IdleTimeout = 100 * time.Millisecond
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		srv.Serve(limit(l, maxConns))
	}()
	t.Cleanup(func() {
		srv.Close()
		<-ended
	})
	return socket
}

// raw sends bytes as they are and returns the first answer.
func raw(t *testing.T, socket, request string) *http.Response {
	t.Helper()
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if _, err := io.WriteString(c, request); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatalf("%.60q: %v", request, err)
	}
	return res
}

func untouched(t *testing.T, s *Server) {
	t.Helper()
	if st := s.Manager.Store; st.Seq() != firstSeq || len(st.Transactions()) > 0 {
		t.Errorf("the store has been touched: change %d, pending %q", st.Seq(), st.Transactions())
	}
}

func TestHugeBodyIsRefusedAtOnce(t *testing.T) {
	s, _ := newServer(t, nil)
	socket := listenReal(t, s)
	res := raw(t, socket, "PATCH /settings HTTP/1.1\r\nHost: x\r\nContent-Length: 1073741824\r\n\r\n{")
	if res.StatusCode != 413 || !res.Close {
		t.Errorf("announced: status %d, connection closed: %v", res.StatusCode, res.Close)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	c := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", socket) }}}
	defer c.CloseIdleConnections()
	req, err := http.NewRequest("PATCH", "http://x/settings", io.LimitReader(spaces{}, 1<<30)) // chunked: no length is known
	if err != nil {
		t.Fatal(err)
	}
	res, err = c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	runtime.ReadMemStats(&after)
	if grown := after.TotalAlloc - before.TotalAlloc; res.StatusCode != 413 || grown > 32<<20 {
		t.Errorf("in chunks: status %d, %d bytes were allocated", res.StatusCode, grown)
	}
	untouched(t, s)
}

// spaces never ends.
type spaces struct{}

func (spaces) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = ' '
	}
	return len(b), nil
}

func TestSlowClients(t *testing.T) {
	s, _ := newServer(t, nil)
	socket := listenReal(t, s)
	c, err := net.Dial("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, "GET /os HTT"); err != nil {
		t.Fatal(err)
	}
	// It returns once the server has closed the connection.
	if b, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(b), "HTTP/1.1 400 ") {
		t.Errorf("half a header: %q, %v", b, err)
	}
	res := raw(t, socket, "PATCH /settings HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\n{\"motd\":")
	if res.StatusCode != 408 {
		t.Errorf("half a body: status %d", res.StatusCode)
	}
	// A body that nobody reads ends the connection, not the answer.
	res = raw(t, socket, "GET /os HTTP/1.1\r\nHost: x\r\nContent-Length: 20\r\n\r\nx")
	if b, err := io.ReadAll(res.Body); res.StatusCode != 200 || err != nil {
		t.Errorf("a body that is not read: status %d %s, %v", res.StatusCode, b, err)
	}
	untouched(t, s)
}

// A stream goes on for longer than a body may take to come.
func TestFollowOutlivesTheDeadlines(t *testing.T) {
	s, _ := newServer(t, nil)
	s.Journal = func(ctx context.Context, _ []string) (Stream, error) {
		return &pieces{parts: []string{"{}\n"}, wait: func() {
			select {
			case <-ctx.Done():
				t.Error("the request has ended early")
			case <-time.After(500 * time.Millisecond):
			}
		}}, nil
	}
	res := raw(t, listenReal(t, s), "GET /journal?follow=true HTTP/1.1\r\nHost: x\r\n\r\n")
	if b, err := io.ReadAll(res.Body); string(b) != "{}\n" || err != nil {
		t.Errorf("%q, %v", b, err)
	}
}

func TestPathTricks(t *testing.T) {
	s, _ := newServer(t, nil)
	socket := listenReal(t, s)
	for _, path := range []string{
		"//os", "/os/", "/./os", "/../os", "/settings/../os", "/os%2f", "/%6fs", "/settings%2fkeypair", "/settings%2Fkeypair",
		"/os%00", "/os;x", "/OS", "*", "/tx/", "/report/", "/report/../os", "/report/%2e%2e/os",
	} {
		res := raw(t, socket, "GET "+path+" HTTP/1.1\r\nHost: x\r\n\r\n")
		if res.StatusCode < 400 || res.StatusCode > 499 {
			t.Errorf("GET %s: status %d", path, res.StatusCode)
		}
	}
	for _, request := range []string{
		"GET /os\r\n\r\n", "\x00\x01\x02\r\n\r\n", "GET /os HTTP/1.1\r\n\r\n", "GET /os HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
		"PATCH /settings HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"GET /os HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 64<<10) + "\r\n\r\n",
	} {
		if res := raw(t, socket, request); res.StatusCode < 400 || res.StatusCode > 499 {
			t.Errorf("%.40q: status %d", request, res.StatusCode)
		}
	}
	untouched(t, s)
}

// Ten thousand connections that say nothing cost next to nothing, and the API
// answers when they are gone.
func TestManyConnections(t *testing.T) {
	s, _ := newServer(t, nil)
	socket := listenReal(t, s)
	const wanted = 10_000
	raiseLimit(t, wanted+200)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var fds []int
	refused, most := 0, 0
	for range wanted {
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			break // this machine's limit
		}
		fds = append(fds, fd)
		if err := unix.Connect(fd, &unix.SockaddrUnix{Name: socket}); err != nil {
			refused++
		}
		most = max(most, runtime.NumGoroutine())
	}
	runtime.ReadMemStats(&after)
	for _, fd := range fds {
		unix.Close(fd)
	}
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d connections, %d refused: heap grew by %d kB, at most %d goroutines", len(fds), refused, grown>>10, most)
	if grown > 8<<20 || most > 4*maxConns {
		t.Errorf("heap grew by %d bytes, there were %d goroutines", grown, most)
	}
	if _, err := apiclient.New(socket).OS(context.Background()); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// raiseLimit allows as many open files as it may, at most n.
func raiseLimit(t *testing.T, n uint64) {
	t.Helper()
	var l unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Cur = min(max(l.Cur, n), l.Max); l.Cur < n {
		t.Logf("only %d files may be open", l.Cur)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &l); err != nil {
		t.Fatal(err)
	}
}

// Writers with transactions of their own do not see one another.
func TestWritersOnTheirOwnTransactions(t *testing.T) {
	s, _ := newServer(t, nil)
	socket := listenReal(t, s)
	const writers = 8
	var group sync.WaitGroup
	for i := range writers {
		group.Go(func() {
			c := apiclient.New(socket)
			body := fmt.Sprintf(`{"motd": "writer %d", "ntp": {"time-servers": ["w%d.example"]}}`, i, i)
			tx := fmt.Sprintf("?tx=w%d", i)
			for _, step := range [][3]string{{"PATCH", "/settings" + tx, body}, {"GET", "/tx" + tx, ""}, {"POST", "/tx/commit_and_apply" + tx, ""}} {
				status, _, answer, err := c.Do(context.Background(), step[0], step[1], []byte(step[2]))
				if err != nil || status > 299 {
					t.Errorf("%s %s: status %d %s, %v", step[0], step[1], status, answer, err)
				}
				if step[0] == "GET" && !strings.Contains(string(answer), fmt.Sprintf("w%d.example", i)) {
					t.Errorf("writer %d sees %s", i, answer)
				}
			}
		})
	}
	group.Wait()
	consistent(t, s, writers)
}

// consistent wants both settings from one writer.
func consistent(t *testing.T, s *Server, seq uint64) {
	t.Helper()
	live := s.Manager.Store.Live()
	var motd string
	var servers []string
	if err := json.Unmarshal(live["motd"].Value, &motd); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(live["ntp.time-servers"].Value, &servers); err != nil {
		t.Fatal(err)
	}
	var a, b int
	if _, err := fmt.Sscanf(motd, "writer %d", &a); err != nil {
		t.Fatal(err)
	}
	if _, err := fmt.Sscanf(servers[0], "w%d.example", &b); err != nil || a != b {
		t.Errorf("motd %q, servers %q: half of each", motd, servers)
	}
	if got := s.Manager.Store.Seq() - firstSeq; got != seq {
		t.Errorf("%d changes, want %d", got, seq)
	}
}

// Writers on one transaction: each commit takes what is pending as a whole, or
// says that nothing is.
func TestWritersOnOneTransaction(t *testing.T) {
	s, _ := newServer(t, nil)
	socket := listenReal(t, s)
	var group sync.WaitGroup
	var mu sync.Mutex
	var commits uint64
	for i := range 8 {
		group.Go(func() {
			c := apiclient.New(socket)
			body := fmt.Sprintf(`{"motd": "writer %d", "ntp": {"time-servers": ["w%d.example"]}}`, i, i)
			status, _, answer, err := c.Do(context.Background(), "PATCH", api.PathSettings, []byte(body))
			if err != nil || status != 204 {
				t.Errorf("PATCH: status %d %s, %v", status, answer, err)
			}
			status, _, answer, err = c.Do(context.Background(), "POST", api.PathTxCommit, nil)
			if err != nil || status != 200 && status != 422 {
				t.Errorf("commit: status %d %s, %v", status, answer, err)
			}
			mu.Lock()
			defer mu.Unlock()
			if status == 200 {
				commits++
			}
		})
	}
	group.Wait()
	consistent(t, s, commits)
}

func TestTransactionsAreBounded(t *testing.T) {
	c, s := newCaller(t)
	full := 0
	for i := range 200 {
		if w := c.do("PATCH", fmt.Sprintf("/settings?tx=t%d", i), `{"motd":"x"}`); w.Code == 429 {
			full++
		} else if w.Code != 204 {
			t.Fatalf("status %d %s", w.Code, w.Body)
		}
	}
	if n := len(s.Manager.Store.Transactions()); full == 0 || n+full != 200 {
		t.Errorf("%d transactions, %d refused", n, full)
	}
}

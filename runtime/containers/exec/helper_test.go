package exec_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/containers/containerstest"
	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// TestMain makes the test binary the command that the tests run: no program of
// the machine is needed.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 && os.Args[1] == "helper" {
		os.Exit(helper(os.Args[2], os.Args[3:]))
	}
	os.Exit(m.Run())
}

// helper is the command; args depend on what it does.
func helper(what string, args []string) int {
	switch what {
	case "say": // STDOUT STDERR CODE
		fmt.Print(args[0])
		fmt.Fprint(os.Stderr, args[1])
		code, _ := strconv.Atoi(args[2])
		return code
	case "cat":
		if _, err := io.Copy(os.Stdout, os.Stdin); err != nil {
			return 1
		}
		return 0
	case "flood": // MIB; 0: for ever
		limit, _ := strconv.Atoi(args[0])
		for n := 0; limit == 0 || n < limit; n++ {
			if _, err := os.Stdout.Write(mebibyte(n)); err != nil {
				return 1
			}
		}
		return 0
	case "signals":
		return awaitSignal()
	case "size":
		return showSizes()
	case "term":
		fmt.Print(os.Getenv("TERM"))
		return 0
	case "deaf": // ignores what is polite
		signal.Ignore(unix.SIGTERM, unix.SIGHUP)
		fmt.Println("ready")
		select {}
	}
	return 99
}

// mebibyte is the Nth piece of a flood; each differs.
func mebibyte(n int) []byte {
	return bytes.Repeat([]byte(fmt.Sprintf("%015d\n", n)), 1<<16)
}

func awaitSignal() int {
	got := make(chan os.Signal, 1)
	signal.Notify(got, unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGUSR1)
	fmt.Println("ready")
	sig := <-got
	fmt.Println(sig)
	return int(sig.(syscall.Signal))
}

// showSizes prints the terminal's size now and after each change, until it
// has 50 rows.
func showSizes() int {
	changed := make(chan os.Signal, 8)
	signal.Notify(changed, unix.SIGWINCH)
	for {
		w, err := unix.IoctlGetWinsize(0, unix.TIOCGWINSZ)
		if err != nil {
			return 1
		}
		fmt.Printf("%dx%d\n", w.Row, w.Col)
		if w.Row == 50 {
			return 0
		}
		<-changed
	}
}

// command is a call of the helper.
func command(t testing.TB, words ...string) []string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return append([]string{self, "helper"}, words...)
}

// setup serves exec with container "admin".
func setup(t testing.TB, change func(*exec.Server)) (*exec.Client, *containerstest.Runtime) {
	t.Helper()
	rt := &containerstest.Runtime{Containers: []string{"admin"}}
	s := &exec.Server{Runtime: rt, Log: slog.New(slog.NewTextHandler(testWriter{t}, nil))}
	if change != nil {
		change(s)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := s.Serve(w, r); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintf(w, `{"detail":%q}`, err)
		}
	}))
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
		s.Wait()
	})
	return &exec.Client{HTTP: srv.Client(), URL: srv.URL}, rt
}

// testWriter shows the log of a test that fails.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(b []byte) (int, error) {
	if w.t.Context().Err() == nil { // else the test may be over
		w.t.Log(strings.TrimSpace(string(b)))
	}
	return len(b), nil
}

// buffer collects output and tells when some is there.
type buffer struct {
	mu      sync.Mutex
	b       bytes.Buffer
	changed chan struct{}
}

func newBuffer() *buffer { return &buffer{changed: make(chan struct{}, 1)} }

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	defer func() {
		select {
		case b.changed <- struct{}{}:
		default:
		}
	}()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// await waits until the output has text.
func (b *buffer) await(ctx context.Context, text string) error {
	for !strings.Contains(b.String(), text) {
		select {
		case <-b.changed:
		case <-ctx.Done():
			return fmt.Errorf("no %q in the output %q: %w", text, b.String(), ctx.Err())
		}
	}
	return nil
}

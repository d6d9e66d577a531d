package qemu

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/qemu/qmptest"
)

func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) == Program {
		os.Exit(fakeQEMU())
	}
	os.Exit(m.Run())
}

// fakeQEMU is QEMU as far as its sockets go. With the firmware refuse.fd it
// ends at once.
func fakeQEMU() int {
	if slices.ContainsFunc(os.Args, func(a string) bool { return strings.Contains(a, "refuse.fd") }) {
		fmt.Fprintln(os.Stderr, "qemu: cannot set up guest memory")
		return 1
	}
	l, err := net.FileListener(os.NewFile(3, "qmp"))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	io.WriteString(os.NewFile(5, "console"), "firmware\r\nready boot=1\r\n")
	quit := make(chan struct{})
	server := &qmptest.Server{Do: func(command string, _ map[string]any) (any, error) {
		if command == "quit" {
			close(quit)
		}
		return struct{}{}, nil
	}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			server.Serve(conn)
		}
	}()
	select {
	case <-quit:
		return 0
	case <-time.After(time.Minute):
		return 3
	}
}

// fakeProgram puts the fake where the real one is looked for.
func fakeProgram(t *testing.T) Config {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.Symlink(self, filepath.Join(dir, Program)); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	c := testConfig(dir)
	c.Firmware.Vars = filepath.Join(dir, "template.fd")
	if err := os.WriteFile(c.Firmware.Vars, []byte("empty"), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestStartAndKill(t *testing.T) {
	c := fakeProgram(t)
	c.UserData = []byte("[settings]\n")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	log := console.New(nil)
	vm, err := Start(ctx, c, log, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := log.Await(ctx, 0, regexp.MustCompile("^ready boot=1$")); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(filepath.Join(c.Dir, "user-data")); string(got) != "[settings]\n" {
		t.Errorf("user data: %q", got)
	}
	conn, err := net.Dial("unix", c.Door())
	if err != nil {
		t.Errorf("the door cannot be knocked at: %v", err)
	} else {
		conn.Close()
	}
	bound, release := vm.Bind(ctx)
	defer release()
	vm.Kill()
	vm.Kill() // twice is well
	<-bound.Done()
	if got := context.Cause(bound).Error(); got != "QEMU has exited (signal: killed)" {
		t.Errorf("a bound context ended with %q", got)
	}
}

func TestStartKeepsVariables(t *testing.T) {
	c := fakeProgram(t)
	for _, want := range []string{"empty", "changed"} {
		vm, err := Start(t.Context(), c, io.Discard, func(Event) {})
		if err != nil {
			t.Fatal(err)
		}
		vm.Kill()
		if got, _ := os.ReadFile(c.files().vars); string(got) != want {
			t.Errorf("variables: %q, want %q", got, want)
		}
		if err := os.WriteFile(c.files().vars, []byte("changed"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestStartFails(t *testing.T) {
	c := fakeProgram(t)
	c.Firmware.Code = "refuse.fd"
	_, err := Start(t.Context(), c, io.Discard, func(Event) {})
	if err == nil || !strings.Contains(err.Error(), "QEMU said: qemu: cannot set up guest memory") {
		t.Errorf("QEMU that refuses: %v", err)
	}
	c.Dir = filepath.Join(c.Dir, strings.Repeat("x", 120))
	if err := os.Mkdir(c.Dir, 0o700); err != nil {
		t.Fatal(err)
	}
	_, err = Start(t.Context(), c, io.Discard, func(Event) {})
	if err == nil || !strings.Contains(err.Error(), "unix(7) takes 107") {
		t.Errorf("path that is too long: %v", err)
	}
	t.Setenv("PATH", "/nonexistent")
	c = testConfig(t.TempDir())
	c.Firmware.Vars = os.DevNull
	if _, err := Start(t.Context(), c, io.Discard, func(Event) {}); err == nil || !strings.Contains(err.Error(), "executable file not found") {
		t.Errorf("no QEMU: %v", err)
	}
}

func TestQuit(t *testing.T) {
	c := fakeProgram(t)
	vm, err := Start(t.Context(), c, io.Discard, func(Event) {})
	if err != nil {
		t.Fatal(err)
	}
	if err := vm.Monitor.Do(t.Context(), "quit", nil, nil); err != nil {
		t.Error(err)
	}
	if got := vm.Wait().Error(); got != "QEMU has exited (status 0)" {
		t.Errorf("Wait: %q", got)
	}
	vm.Kill()
}

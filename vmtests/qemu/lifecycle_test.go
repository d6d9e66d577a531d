package qemu

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/qemu/qemutest"
)

func TestMain(m *testing.M) {
	qemutest.Main()
	os.Exit(m.Run())
}

// fakeProgram puts the fake where the real one is looked for.
func fakeProgram(t *testing.T) Config {
	t.Helper()
	vars := qemutest.Install(t)
	c := testConfig(t.TempDir())
	c.Firmware.Vars = vars
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
	if _, _, err := log.Await(ctx, 0, regexp.MustCompile("^slipway: ready .* boot=1$")); err != nil {
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
	t.Setenv(qemutest.Env, qemutest.Refuses)
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

package qemu

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"syscall"
)

// Program is what runs machines.
const Program = "qemu-system-x86_64"

// A VM is one run of QEMU.
type VM struct {
	Monitor *Monitor
	Command []string // as started

	process *os.Process
	exited  chan struct{} // closed when QEMU has ended and its console is read to the end
	err     error         // how it ended, valid then
	stderr  lockedBuffer
}

// Start turns a machine on. Its console goes to console; each event of the
// monitor is given to note. The caller ends the machine with Kill.
func Start(ctx context.Context, c Config, console io.Writer, note func(Event)) (*VM, error) {
	vm, err := start(c, console)
	if err != nil {
		return nil, fmt.Errorf("starting a machine: %w", err)
	}
	ctx, cancel := vm.Bind(ctx)
	defer cancel()
	if vm.Monitor, err = dialMonitor(ctx, c.files().qmp, note); err != nil {
		vm.Kill()
		return nil, fmt.Errorf("starting a machine: %w; QEMU said: %s", err, vm.stderr.String())
	}
	return vm, nil
}

// start prepares the machine's files and runs QEMU.
func start(c Config, console io.Writer) (*VM, error) {
	f := c.files()
	if err := c.prepare(f); err != nil {
		return nil, err
	}
	sockets, err := openSockets(f, c.Terminal)
	if err != nil {
		return nil, err
	}
	defer sockets.closeTheirs()
	cmd := exec.Command(Program, c.args(sockets.numbers())...)
	vm := &VM{Command: cmd.Args, exited: make(chan struct{})}
	cmd.ExtraFiles = sockets.theirs
	cmd.Stderr = &vm.stderr
	if c.Terminal {
		cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	}
	// A test that is killed takes its machines along.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	go vm.run(cmd, sockets.console, console, started)
	if err := <-started; err != nil {
		return nil, err
	}
	return vm, nil
}

// run starts QEMU and stays with it. The parent of prctl(2)'s PR_SET_PDEATHSIG
// is a thread, so this one must not end before QEMU does.
func (vm *VM) run(cmd *exec.Cmd, console *os.File, to io.Writer, started chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cmd.Start(); err != nil {
		if console != nil {
			console.Close()
		}
		started <- err
		return
	}
	vm.process = cmd.Process
	copied := make(chan struct{})
	go func() {
		defer close(copied)
		if console != nil {
			io.Copy(to, console) // ends with QEMU
			console.Close()
		}
	}()
	started <- nil
	err := cmd.Wait()
	<-copied
	vm.err = fmt.Errorf("QEMU has exited (%v)", exitText(err))
	if text := strings.TrimSpace(vm.stderr.String()); text != "" {
		vm.err = fmt.Errorf("%w: %s", vm.err, text)
	}
	close(vm.exited)
}

func exitText(err error) string {
	if err == nil {
		return "status 0"
	}
	return err.Error()
}

// prepare writes the files that a machine needs beside its disk. The variable
// store is kept if it is there: it belongs to the machine.
func (c Config) prepare(f files) error {
	if _, err := os.Stat(f.vars); errors.Is(err, os.ErrNotExist) {
		vars, err := os.ReadFile(c.Firmware.Vars)
		if err != nil {
			return fmt.Errorf("copying the firmware's variables: %w", err)
		}
		if err := os.WriteFile(f.vars, vars, 0o600); err != nil {
			return fmt.Errorf("copying the firmware's variables: %w", err)
		}
	}
	if c.UserData == nil {
		return nil
	}
	if err := os.WriteFile(f.userData, c.UserData, 0o600); err != nil {
		return fmt.Errorf("writing user data: %w", err)
	}
	return nil
}

// Bind returns a context that also ends when QEMU does.
func (vm *VM) Bind(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := make(chan struct{})
	go func() {
		select {
		case <-vm.exited:
			cancel(vm.err)
		case <-stop:
		}
	}()
	return ctx, sync.OnceFunc(func() { close(stop); cancel(nil) })
}

// Exited returns a channel that is closed when QEMU has ended.
func (vm *VM) Exited() <-chan struct{} { return vm.exited }

// Kill cuts the power: QEMU gets no chance to write anything more. It returns
// when QEMU is gone and may be called again.
func (vm *VM) Kill() {
	vm.process.Kill() // an error means that it has ended
	<-vm.exited
	if vm.Monitor != nil {
		vm.Monitor.close()
	}
}

// Wait returns how QEMU ended.
func (vm *VM) Wait() error {
	<-vm.exited
	return vm.err
}

// lockedBuffer is a bytes.Buffer for two goroutines.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

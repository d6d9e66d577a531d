package accel

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"
)

// A Prober tries KVM.
type Prober struct {
	QEMU   string        // program
	Code   string        // firmware image, never written
	Vars   string        // variable store, never written
	Device string        // KVM's device node
	Wait   time.Duration // how long the firmware may take to its first byte
}

// NewProber returns a prober with what QEMU and OVMF use by default.
func NewProber(code, vars string) Prober {
	return Prober{QEMU: "qemu-system-x86_64", Code: code, Vars: vars, Device: "/dev/kvm", Wait: 5 * time.Second}
}

// Choose returns KVM where a guest starts with it, else TCG. An error means
// that nothing was tried: the environment asks for nonsense or ctx has ended.
func (p Prober) Choose(ctx context.Context) (Accel, error) {
	if a, ok, err := fromEnv(); ok || err != nil {
		return a, err
	}
	if _, err := os.Stat(p.Device); err != nil {
		return Accel{Name: TCG, Reason: "no " + p.Device}, nil
	}
	began := time.Now()
	err := p.tryKVM(ctx)
	if ctx.Err() != nil {
		return Accel{}, fmt.Errorf("probing KVM: %w", context.Cause(ctx))
	}
	if err != nil {
		return Accel{Name: TCG, Reason: fmt.Sprintf("KVM does not work here: %v", err)}, nil
	}
	return Accel{Name: KVM, Reason: fmt.Sprintf("a guest started within %v", time.Since(began).Round(time.Millisecond))}, nil
}

// tryKVM returns nil as soon as the firmware wrote to its serial console. Two
// processors, because starting the second one is a test of its own.
func (p Prober) tryKVM(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, p.Wait, fmt.Errorf("no sign of life from the firmware in %v", p.Wait))
	defer cancel()
	args := append(Accel{Name: KVM}.Args(),
		"-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-machine", "q35", "-m", "128", "-smp", "2",
		"-drive", "if=pflash,format=raw,readonly=on,file="+p.Code,
		"-drive", "if=pflash,format=raw,snapshot=on,file="+p.Vars,
		"-chardev", "stdio,id=serial,signal=off", "-serial", "chardev:serial")
	cmd := exec.CommandContext(ctx, p.QEMU, args...)
	life, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	complaints, err := cmd.StderrPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	verdict := make(chan error, 3) // one from each sender
	go func() {
		if _, err := io.ReadFull(life, make([]byte, 1)); err == nil {
			verdict <- nil
		}
	}()
	go func() { verdict <- readComplaints(complaints) }()
	go func() { <-ctx.Done(); verdict <- context.Cause(ctx) }()
	err = <-verdict
	cmd.Process.Kill() // harmless if it has ended
	cmd.Wait()
	return err
}

// readComplaints returns at the first line that ends all hope, or at the end
// of QEMU. QEMU itself stops the guest on an internal error but stays.
func readComplaints(r io.Reader) error {
	first := ""
	for s := bufio.NewScanner(r); s.Scan(); {
		line := strings.TrimSpace(s.Text())
		if first == "" {
			first = line
		}
		if strings.Contains(line, "KVM internal error") {
			return errors.New(line)
		}
	}
	if first == "" {
		first = "QEMU ended at once"
	}
	return errors.New(first)
}

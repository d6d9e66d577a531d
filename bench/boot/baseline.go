package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// rootOptions say how the baseline's root file system is made.
type rootOptions struct {
	output, suite string
	mirrors       []string
}

// packages are what a minimal systemd host of Debian is made of, beside the
// essential ones.
var packages = []string{"systemd-sysv", "udev", "dbus"}

func (r rootOptions) args() []string {
	args := []string{"--variant=minbase", "--include=" + strings.Join(packages, ","), "--format=tar", r.suite, r.output}
	return append(args, r.mirrors...)
}

func (r rootOptions) run(ctx context.Context, progress io.Writer) error {
	const program = "mmdebstrap"
	if _, err := exec.LookPath(program); err != nil {
		return errors.Join(err, errors.New("install it: apt-get install mmdebstrap"))
	}
	cmd := exec.CommandContext(ctx, program, r.args()...)
	cmd.Stdout, cmd.Stderr = progress, progress
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s %s: %w", program, strings.Join(r.args(), " "), err)
	}
	return nil
}

// baselineImage says how the baseline's root becomes a disk image: as the image
// that is measured does.
type baselineImage struct {
	imagetool, root, kernel, stub, bootloader, layout string
}

const baselineRelease = "NAME=\"Baseline\"\nID=baseline\nPRETTY_NAME=\"Baseline\"\nVARIANT_ID=baseline\nVERSION_ID=1.0.0\n"

// cmdline: /var is a tmpfs, because the root is read-only as the other's is.
// The rest is as quiet as the other.
const cmdline = "systemd.volatile=state console=tty0 console=ttyS0,115200n8 quiet"

func (b baselineImage) args(release, output string) []string {
	return []string{
		"build", "--rootfs", b.root, "--kernel", b.kernel, "--stub", b.stub, "--bootloader", b.bootloader,
		"--os-release", release, "--layout", b.layout, "--version", "1.0.0", "--cmdline", cmdline, "--output", output,
	}
}

// make returns the path of the disk image.
func (b baselineImage) make(ctx context.Context, dir string, progress io.Writer) (string, error) {
	release, output := filepath.Join(dir, "os-release"), filepath.Join(dir, "baseline.img")
	if err := os.WriteFile(release, []byte(baselineRelease), 0o600); err != nil {
		return "", fmt.Errorf("making the baseline: %w", err)
	}
	cmd := exec.CommandContext(ctx, b.imagetool, b.args(release, output)...)
	cmd.Env = append(os.Environ(), "SOURCE_DATE_EPOCH=1")
	cmd.Stdout, cmd.Stderr = progress, progress
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("making the baseline: %s %s: %w", b.imagetool, strings.Join(cmd.Args[1:], " "), err)
	}
	return output, nil
}

package qemu

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Disk is a disk as a file.
type Disk struct {
	Path   string
	Format string // "raw" or "qcow2"
}

// Overlay makes a copy-on-write disk at path over a raw image, which is never
// written. size is in bytes; if it is not larger than the image, the disk is
// as large as the image.
func Overlay(ctx context.Context, image, path string, size int64) (Disk, error) {
	image, err := filepath.Abs(image) // else it would be meant from the overlay's folder
	if err != nil {
		return Disk{}, fmt.Errorf("making a disk: %w", err)
	}
	info, err := os.Stat(image)
	if err != nil {
		return Disk{}, fmt.Errorf("making a disk: %w", err)
	}
	args := []string{"create", "-q", "-f", "qcow2", "-F", "raw", "-b", image, path}
	if size > info.Size() {
		args = append(args, fmt.Sprint(size))
	}
	if err := tool(ctx, "qemu-img", args...); err != nil {
		return Disk{}, fmt.Errorf("making a disk over %s: %w", image, err)
	}
	return Disk{Path: path, Format: "qcow2"}, nil
}

// Resize makes the disk of a machine that is off larger. size is in bytes.
func (d Disk) Resize(ctx context.Context, size int64) error {
	if err := tool(ctx, "qemu-img", "resize", "-q", "-f", d.Format, d.Path, fmt.Sprint(size)); err != nil {
		return fmt.Errorf("resizing disk %s: %w", d.Path, err)
	}
	return nil
}

// Convert copies the disk of a machine that is off, as one raw file.
func (d Disk) Convert(ctx context.Context, path string) error {
	if err := tool(ctx, "qemu-img", "convert", "-f", d.Format, "-O", "raw", d.Path, path); err != nil {
		return fmt.Errorf("copying disk %s: %w", d.Path, err)
	}
	return nil
}

// PutByte puts one byte on the disk of a machine that is off, at an offset
// in bytes.
func (d Disk) PutByte(ctx context.Context, offset int64, b byte) error {
	if err := tool(ctx, "qemu-io", "-f", d.Format, "-c", fmt.Sprintf("write -q -P %#02x %d 1", b, offset), d.Path); err != nil {
		return fmt.Errorf("writing a byte at %d of disk %s: %w", offset, d.Path, err)
	}
	return nil
}

// args are QEMU's arguments. cache=none is what a power cut wants: what the
// guest has flushed is out of QEMU's and the host's hands. Where the file's
// place cannot do direct access (a tmpfs of an older kernel) the host caches;
// flushes still go through.
func (d Disk) args() []string {
	cache := "none"
	if !directAccess(d.Path) {
		cache = "writeback"
	}
	return []string{
		"-drive", fmt.Sprintf("if=none,id=disk,format=%s,cache=%s,discard=unmap,file=%s", d.Format, cache, escape(d.Path)),
		"-device", "virtio-blk-pci,drive=disk,serial=slipway,bootindex=1",
	}
}

// seedArgs are QEMU's arguments for a disk that is only read, the n-th of its
// kind.
func (d Disk) seedArgs(n int) []string {
	return []string{
		"-drive", fmt.Sprintf("if=none,id=seed%d,format=%s,readonly=on,file=%s", n, d.Format, escape(d.Path)),
		"-device", fmt.Sprintf("virtio-blk-pci,drive=seed%d,serial=seed%d", n, n),
	}
}

func directAccess(path string) bool {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_DIRECT|unix.O_CLOEXEC, 0)
	if err != nil {
		return false
	}
	unix.Close(fd)
	return true
}

// tool runs a program and makes what it said part of the error.
func tool(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}

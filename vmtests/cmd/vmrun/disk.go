package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/slipway-os/slipway/vmtests/qemu"
)

// varsSuffix names the firmware's variables beside a persistent disk.
const varsSuffix = ".vars"

// persistentDisk returns the raw disk at path, a copy of the image if there is
// none yet. Holes stay holes. A disk that is smaller than size is enlarged.
func persistentDisk(ctx context.Context, image, path string, size int64) (qemu.Disk, error) {
	disk := qemu.Disk{Path: path, Format: "raw"}
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		if err := copySparse(image, path); err != nil {
			return disk, fmt.Errorf("making disk %s: %w", path, err)
		}
		info, err = os.Stat(path)
	}
	if err != nil {
		return disk, fmt.Errorf("looking at disk %s: %w", path, err)
	}
	if size <= info.Size() {
		return disk, nil
	}
	return disk, disk.Resize(ctx, size)
}

// copySparse copies a file and leaves zeros out. A copy that fails is removed.
func copySparse(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			os.Remove(to)
		}
	}()
	buf, zeros := make([]byte, 1<<20), string(make([]byte, 1<<20))
	for at := int64(0); ; {
		n, rerr := io.ReadFull(in, buf)
		if string(buf[:n]) != zeros[:n] {
			if _, err := out.WriteAt(buf[:n], at); err != nil {
				return err
			}
		}
		at += int64(n)
		switch rerr {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			return out.Truncate(info.Size())
		default:
			return rerr
		}
	}
}

// copyIfThere copies a small file, if it exists.
func copyIfThere(from, to string) error {
	data, err := os.ReadFile(from)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = os.WriteFile(to, data, 0o600)
	}
	if err != nil {
		return fmt.Errorf("copying the firmware's variables: %w", err)
	}
	return nil
}

// parseSize reads "512M", "4G", "1T" as bytes.
func parseSize(s string) (int64, error) {
	units := map[string]int64{"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
	unit, ok := units[s[max(0, len(s)-1):]]
	number, err := strconv.ParseInt(strings.TrimRight(s, "MGT"), 10, 32)
	if !ok || err != nil || number <= 0 || len(s) < 2 || strings.ContainsAny(s[:len(s)-1], "MGT") {
		return 0, fmt.Errorf("%q is no size: want a number with M, G or T, such as 4G", s)
	}
	return number * unit, nil
}

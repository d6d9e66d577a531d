package uki

import (
	"errors"
	"fmt"
	"strings"
)

// KernelRelease returns what `uname -r` will say for a bzImage, from the boot
// header's version string (Documentation/arch/x86/boot.rst, kernel_version).
// For other kernels, which carry no such string, it returns "".
func KernelRelease(kernel []byte) (string, error) {
	const header, field = 0x202, 0x20e
	if len(kernel) < field+2 || string(kernel[header:header+4]) != "HdrS" {
		return "", nil
	}
	offset := int(le.Uint16(kernel[field:]))
	if offset == 0 {
		return "", nil
	}
	offset += 0x200
	if offset >= len(kernel) {
		return "", errors.New("kernel version string lies beyond the kernel")
	}
	release, _, _ := strings.Cut(cstring(kernel[offset:min(offset+256, len(kernel))]), " ")
	for _, c := range release {
		if c <= ' ' || c > '~' {
			return "", fmt.Errorf("kernel version string %q is not printable", release)
		}
	}
	return release, nil
}

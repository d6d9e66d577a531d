// Package cmdline writes and reads the kernel command line by which the
// kernel sets up the verity root itself, with no initramfs.
//
// Reference: kernel Documentation/admin-guide/device-mapper/dm-init.rst.
package cmdline

import (
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/verity"
)

// MaxLength is the longest command line that x86 and arm64 kernels take
// (COMMAND_LINE_SIZE of 2048, with the closing zero byte).
const MaxLength = 2047

// Root is the verity root that a command line names.
type Root struct {
	Hash   verity.RootHash
	Salt   []byte
	Blocks int64 // data blocks of 4096 bytes
}

// RootGUID is the unique GUID of the ROOT partition: the first half of the
// root hash.
func (r Root) RootGUID() uuid.UUID { return uuid.UUID(r.Hash[:16]) }

// HashGUID is the unique GUID of the HASH partition: the second half of the
// root hash.
func (r Root) HashGUID() uuid.UUID { return uuid.UUID(r.Hash[16:]) }

// String returns the arguments that make the kernel mount the root.
func (r Root) String() string {
	data, hash := "PARTUUID="+r.RootGUID().String(), "PARTUUID="+r.HashGUID().String()
	return fmt.Sprintf(`dm-mod.create="root,,,ro,0 %d verity 1 %s %s %d %d %d 1 sha256 %s %s 2 restart_on_corruption ignore_zero_blocks"`+
		` dm-mod.waitfor=%s,%s root=/dev/dm-0 rootfstype=erofs ro panic=10`,
		r.Blocks*verity.BlockSize/512, data, hash, verity.BlockSize, verity.BlockSize, r.Blocks,
		r.Hash, hex.EncodeToString(r.Salt), data, hash)
}

// Build returns the whole command line: the verity root, then extra.
func Build(r Root, extra string) (string, error) {
	line := r.String()
	if extra = strings.TrimSpace(extra); extra != "" {
		line += " " + extra
	}
	for _, c := range line {
		if c < ' ' || c > '~' {
			return "", fmt.Errorf("command line holds the character %q; only printable ASCII is passed to the kernel unchanged", c)
		}
	}
	if len(line) > MaxLength {
		return "", fmt.Errorf("command line has %d characters, the kernel takes %d", len(line), MaxLength)
	}
	return line, nil
}

// Parse reads the verity root from a command line that Build made. Everything
// that Build writes must be there unchanged.
func Parse(line string) (*Root, error) {
	const start = `dm-mod.create="`
	_, rest, ok := strings.Cut(line, start)
	if !ok {
		return nil, fmt.Errorf("command line has no dm-mod.create argument")
	}
	table, _, ok := strings.Cut(rest, `"`)
	if !ok {
		return nil, fmt.Errorf("dm-mod.create argument has no closing quote")
	}
	f := strings.Fields(table)
	if len(f) != 16 {
		return nil, fmt.Errorf("dm-mod.create argument has %d words, want 16", len(f))
	}
	var r Root
	var err error
	if r.Hash, err = verity.ParseRootHash(f[11]); err != nil {
		return nil, err
	}
	if r.Salt, err = hex.DecodeString(f[12]); err != nil {
		return nil, fmt.Errorf("salt %q: %w", f[12], err)
	}
	if _, err := fmt.Sscanf(f[8], "%d", &r.Blocks); err != nil || r.Blocks < 1 || r.Blocks > verity.MaxDataBlocks {
		return nil, fmt.Errorf("number of data blocks %q is out of range", f[8])
	}
	want := r.String()
	if line != want && !strings.HasPrefix(line, want+" ") {
		return nil, fmt.Errorf("command line differs from what its root hash asks for at character %d", firstDiff(line, want))
	}
	return &r, nil
}

func firstDiff(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

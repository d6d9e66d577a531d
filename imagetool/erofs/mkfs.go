package erofs

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/layout"
)

// Options say how an image is made. Equal options and an equal tar archive
// give equal bytes.
type Options struct {
	Root  layout.Root
	Time  time.Time // of the image and of every file
	UUID  uuid.UUID
	Label string // at most 15 bytes
}

// Make makes an EROFS image at path from a tar archive by mkfs.erofs (1.8 or
// later, from PATH).
//
// Unchanged files keep unchanged blocks across versions: files are laid out
// by path, and there is no tail packing (inline data), no fragments and no
// deduplication.
func Make(ctx context.Context, path, tarball string, o Options) error {
	args := []string{"--quiet", "--tar=f", "--sort=path", "--all-time",
		"-T" + strconv.FormatInt(o.Time.Unix(), 10), "-U" + o.UUID.String(), "-L" + o.Label,
		"-b" + strconv.Itoa(BlockSize), "-Enoinline_data"}
	if c := o.Root.Compression; c != "none" {
		if o.Root.Level > 0 {
			c += ",level=" + strconv.Itoa(o.Root.Level)
		}
		args = append(args, "-z"+c, "-C"+strconv.FormatInt(int64(o.Root.Cluster), 10))
	}
	cmd := exec.CommandContext(ctx, "mkfs.erofs", append(args, path, tarball)...)
	cmd.Env = append(os.Environ(), "LC_ALL=C", "TZ=UTC")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("making EROFS from %s: mkfs.erofs: %w: %s", tarball, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// Command verity compares the speed of `imagetool verity format` with that of
// `veritysetup format` (from PATH) on one file, and checks that both make the
// same bytes.
//
// Synopsis: verity [-size MiB] [-rounds N] [-dir DIR]
//
// The two take turns, each as a process of its own, with the file in the page
// cache. The ratio printed is veritysetup's median time by imagetool's: above
// 1, imagetool is faster.
package main

import (
	"bufio"
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/slipway-os/slipway/imagetool/cli"
)

// asImagetool is the first argument by which the program runs itself as
// imagetool.
const asImagetool = "imagetool"

func main() {
	if len(os.Args) > 1 && os.Args[1] == asImagetool {
		os.Exit(cli.Main(os.Args[2:], os.Stdout, os.Stderr))
	}
	size := flag.Int64("size", 1024, "size of the file in `MiB`")
	rounds := flag.Int("rounds", 5, "how often each of the two runs")
	dir := flag.String("dir", os.TempDir(), "`folder` for the file and the hash trees")
	flag.Parse()
	if err := run(*dir, *size<<20, *rounds, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "bench/verity: %v\n", err)
		os.Exit(1)
	}
}

const (
	salt = "3065280197c50fa9525dd5fd9acf16a111c63a1882c5574c83a868bd186602c6"
	uuid = "2c2e81a9-0fbb-ce09-46a8-9d1fced52409"
)

func run(parent string, size int64, rounds int, out io.Writer) error {
	if size < 1<<20 || rounds < 1 {
		return errors.New("size and rounds must be at least 1")
	}
	dir, err := os.MkdirTemp(parent, "bench-verity-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	if err := writeNoise(data, size); err != nil {
		return fmt.Errorf("writing test file: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	ours := contender{hash: filepath.Join(dir, "ours")}
	ours.command = []string{self, asImagetool, "verity", "format", "--salt", salt, "--uuid", uuid, data, ours.hash}
	theirs := contender{hash: filepath.Join(dir, "theirs")}
	theirs.command = []string{"veritysetup", "format", "--salt", salt, "--uuid", uuid, data, theirs.hash}
	for range rounds {
		for _, c := range []*contender{&ours, &theirs} {
			if err := c.round(); err != nil {
				return err
			}
		}
	}
	if err := sameFile(ours.hash, theirs.hash); err != nil {
		return err
	}
	a, b := ours.median(), theirs.median()
	fmt.Fprintf(out, "file         %d MiB, %d rounds, same hash tree\n", size>>20, rounds)
	fmt.Fprintf(out, "imagetool    median %.2f s, best %.2f s (%.0f MiB/s)\n", a.Seconds(), slices.Min(ours.times).Seconds(), float64(size>>20)/a.Seconds())
	fmt.Fprintf(out, "veritysetup  median %.2f s, best %.2f s (%.0f MiB/s)\n", b.Seconds(), slices.Min(theirs.times).Seconds(), float64(size>>20)/b.Seconds())
	fmt.Fprintf(out, "ratio        %.2f\n", b.Seconds()/a.Seconds())
	return nil
}

// writeNoise writes a file that does not compress and is always the same.
func writeNoise(path string, size int64) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	_, err = io.CopyN(w, rand.NewChaCha8([32]byte{'s', 'l', 'i', 'p', 'w', 'a', 'y'}), size)
	return errors.Join(err, w.Flush(), f.Sync(), f.Close())
}

// contender is one of the two programs.
type contender struct {
	command []string
	hash    string // file that it writes
	times   []time.Duration
}

// round runs the program once, with no hash tree there.
func (c *contender) round() error {
	if err := os.RemoveAll(c.hash); err != nil {
		return err
	}
	start := time.Now()
	out, err := exec.Command(c.command[0], c.command[1:]...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", strings.Join(c.command, " "), err, bytes.TrimSpace(out))
	}
	c.times = append(c.times, time.Since(start))
	return nil
}

func (c *contender) median() time.Duration {
	t := slices.Sorted(slices.Values(c.times))
	return t[len(t)/2]
}

func sameFile(a, b string) error {
	x, err := os.ReadFile(a)
	if err != nil {
		return err
	}
	y, err := os.ReadFile(b)
	if err != nil {
		return err
	}
	if !bytes.Equal(x, y) {
		return fmt.Errorf("%s and %s differ", a, b)
	}
	return nil
}

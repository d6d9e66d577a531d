// Package cli is the command line of imagetool.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"github.com/spf13/cobra"
)

// errReported says that the command failed and has said why itself.
var errReported = errors.New("problems were found")

// Main runs imagetool with the arguments after the program's name and returns
// the exit code: 0, or 1 for any failure.
func Main(args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "imagetool: %v\n", err)
	}
	return 1
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:               "imagetool",
		Short:             "Build, show and check Slipway disk images",
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(buildCommand(), rootfsCommand(), inspectCommand(), verifyCommand(), verityCommand(), deltaCommand())
	return root
}

// epochZero stands for all times where SOURCE_DATE_EPOCH is not set: the
// first that FAT can hold, so that an image does not depend on the clock.
const epochZero = 315532800 // 1980-01-01

// sourceDate returns the time that all files get.
func sourceDate() (time.Time, error) {
	s := os.Getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Unix(epochZero, 0).UTC(), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1<<33 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%q is not a number of seconds since 1970 above 0", s)
	}
	return time.Unix(n, 0).UTC(), nil
}

// openImage opens a disk image or a block device and returns its size.
func openImage(path string) (*os.File, int64, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil {
		f.Close()
		return nil, 0, fmt.Errorf("%s: finding its size: %w", path, err)
	}
	return f, size, nil
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

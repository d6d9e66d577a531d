package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/packages/internal/lockfile"
	"github.com/slipway-os/slipway/packages/internal/sdk"
)

// run makes one SDK.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("sdkpack", flag.ContinueOnError)
	flags.SetOutput(stderr)
	lockPath := flags.String("lock", "", "the lock, made by //packages:lock")
	debs := flags.String("debs", "", "the folder of the package files")
	output := flags.String("output", "", "the archive to write")
	id := flags.String("id", "", "the file to write the archive's identity to")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *lockPath == "" || *debs == "" || *output == "" {
		return errors.New("--lock, --debs and --output are needed")
	}
	lock, err := readLock(*lockPath)
	if err != nil {
		return err
	}
	sum, err := write(ctx, lock, *debs, *output)
	if err != nil {
		return err
	}
	if *id == "" {
		return nil
	}
	if err := renameio.WriteFile(*id, []byte(sum+"\n"), 0o644); err != nil {
		return fmt.Errorf("writing the identity: %w", err)
	}
	return nil
}

func readLock(path string) (lockfile.Lock, error) {
	f, err := os.Open(path)
	if err != nil {
		return lockfile.Lock{}, fmt.Errorf("reading lock: %w", err)
	}
	defer f.Close()
	return lockfile.Parse(f)
}

// write packs into a file beside output and gives it its name when it is
// whole. It returns the archive's identity.
func write(ctx context.Context, lock lockfile.Lock, debs, output string) (string, error) {
	out, err := renameio.NewPendingFile(output, renameio.WithPermissions(0o644))
	if err != nil {
		return "", fmt.Errorf("writing %s: %w", output, err)
	}
	defer out.Cleanup()
	buffered := bufio.NewWriterSize(out, 1<<20)
	sum, err := sdk.Pack(ctx, lock, debs, buffered)
	if err != nil {
		return "", err
	}
	if err := errors.Join(buffered.Flush(), out.CloseAtomicallyReplace()); err != nil {
		return "", fmt.Errorf("writing %s: %w", output, err)
	}
	return sum, nil
}

package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/mirror"
)

// run fetches one list.
func run(ctx context.Context, args []string, stderr io.Writer) error {
	flags := flag.NewFlagSet("fetch", flag.ContinueOnError)
	flags.SetOutput(stderr)
	list := flags.String("list", "", "the list of files, or the SDK's lock")
	output := flags.String("output", "", "the folder to put the files in")
	cache := flags.String("cache", "", "the download cache (default: slipway/downloads in the user's cache folder)")
	jobs := flags.Int("jobs", 8, "how many files to fetch at once")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *list == "" || *output == "" || *jobs < 1 {
		return errors.New("--list FILE and --output DIR are needed")
	}
	files, err := readList(*list)
	if err != nil {
		return err
	}
	if *cache == "" {
		if *cache, err = download.CacheDir(); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(*output, 0o755); err != nil {
		return fmt.Errorf("making output folder: %w", err)
	}
	// Without a mirror, what the cache or upstream has is still to be had.
	mirrors, err := mirror.Find(ctx, os.Getenv)
	if err != nil {
		fmt.Fprintln(stderr, "fetch: warning:", err)
	}
	return download.New(mirrors, *cache).FetchAll(ctx, files, *output, *jobs, stderr)
}

func readList(path string) ([]download.File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading list: %w", err)
	}
	defer f.Close()
	return download.ReadList(f)
}

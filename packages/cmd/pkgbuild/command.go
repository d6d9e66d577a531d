package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/packages/internal/sdk"
)

// sdkFlags name the SDK that a command runs in.
type sdkFlags struct {
	archive string
	id      string
	root    string
	cache   string
}

func (s *sdkFlags) register(c *cobra.Command) {
	f := c.Flags()
	f.StringVar(&s.archive, "sdk", "", "SDK archive, made by sdkpack")
	f.StringVar(&s.id, "sdk-id", "", "file with the SDK's identity, made by sdkpack")
	f.StringVar(&s.root, "sdk-root", "", "unpacked SDK to use instead of an archive")
	f.StringVar(&s.cache, "cache", "", "folder for the unpacked SDK (default: slipway in the user's cache folder)")
}

// cacheDir is the user's cache folder. Bazel passes no HOME to actions, so
// that it cannot become part of what an action depends on; the account's home
// folder is used then.
func (s *sdkFlags) cacheDir() (string, error) {
	if s.cache != "" {
		return filepath.Abs(s.cache)
	}
	if dir, err := os.UserCacheDir(); err == nil {
		return filepath.Join(dir, "slipway"), nil
	}
	u, err := user.Current()
	if err != nil {
		return "", fmt.Errorf("looking for the cache folder: %w; set --cache", err)
	}
	return filepath.Join(u.HomeDir, ".cache", "slipway"), nil
}

// unpack returns the folder of the unpacked SDK.
func (s *sdkFlags) unpack(ctx context.Context) (string, error) {
	if s.root != "" {
		return filepath.Abs(s.root)
	}
	if s.archive == "" || s.id == "" {
		return "", errors.New("no SDK named: give --sdk and --sdk-id, or --sdk-root")
	}
	cache, err := s.cacheDir()
	if err != nil {
		return "", err
	}
	root, err := sdk.Root(ctx, s.archive, s.id, cache)
	if err != nil {
		return "", fmt.Errorf("unpacking the SDK: %w", err)
	}
	return root, nil
}

func newCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "pkgbuild",
		Short:         "Build packages and run SDK programs in a sandbox",
		SilenceUsage:  true,
		SilenceErrors: true,
	}
	root.AddCommand(newBuild(), newRun(), newLayer())
	return root
}

func jobs() int { return runtime.NumCPU() }

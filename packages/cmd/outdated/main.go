// Command outdated lists the pins of packages/sources.bzl that the Debian
// archive has moved past, and those of which a file has left the mirrors.
//
// Synopsis:
//
//	outdated [--table FILE] [--keyring FILE]
//
// Description:
//
// It exits with 1 when it lists any. `bazel run //packages:pin -- NAME` renews
// one.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/slipway-os/slipway/packages/internal/pinning"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := pinning.Outdated(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, pinning.ErrOutdated) {
		fmt.Fprintln(os.Stderr, "outdated:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

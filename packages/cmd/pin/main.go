// Command pin adds or renews entries of packages/sources.bzl from the signed
// indexes of the Debian archive.
//
// Synopsis:
//
//	pin [--table FILE] [--keyring FILE] NAME[=SOURCE]…
//
// Description:
//
// A name that is in the table is renewed from the source package that it
// names. A new name is looked up as a source package; SOURCE says which when
// the two differ. The newest version that a mirror has is taken.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/slipway-os/slipway/packages/internal/pinning"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := pinning.Pin(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "pin:", err)
		os.Exit(1)
	}
}

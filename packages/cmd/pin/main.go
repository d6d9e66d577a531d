// Command pin adds or renews entries of packages/sources.bzl from the signed
// indexes of the Debian archive.
//
// Synopsis:
//
//	pin [--table FILE] [--keyring FILE] NAME[=SOURCE]…
//	pin outdated [--table FILE] [--keyring FILE]
//
// Description:
//
// A name that is in the table is renewed from the source package that it
// names. A new name is looked up as a source package; SOURCE says which when
// the two differ. outdated lists the pins that the archive has moved past or
// whose files have left the mirror, and exits with 1 when there are any.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	if err != nil && !errors.Is(err, errOutdated) {
		fmt.Fprintln(os.Stderr, "pin:", err)
	}
	if err != nil {
		os.Exit(1)
	}
}

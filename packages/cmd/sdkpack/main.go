// Command sdkpack makes the SDK, one root file system archive, of locked
// Debian packages.
//
// Synopsis:
//
//	sdkpack --lock FILE --debs DIR --output FILE [--id FILE]
//
// Description:
//
// No maintainer script is run; the few links and files that scripts would have
// made are added. The same lock gives the same bytes. --id names a file to
// write the archive's identity to, the SHA-256 by which pkgbuild knows it
// without reading it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "sdkpack:", err)
		os.Exit(1)
	}
}

// Command lock resolves the list of packages that the SDK is asked to have
// into the exact set that it is made of.
//
// Synopsis:
//
//	lock [--list FILE] [--output FILE] [--arch ARCH] [--keyring FILE]
//
// Description:
//
// The list has one package name a line; "#" starts a comment. Dependencies
// come from the archive's signed indexes. The same indexes give the same
// lock.
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
	if err := run(ctx, os.Args[1:], os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "lock:", err)
		os.Exit(1)
	}
}

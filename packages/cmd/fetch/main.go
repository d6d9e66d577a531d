// Command fetch brings pinned files into a folder.
//
// Synopsis:
//
//	fetch [--jobs N] [--cache DIR] --list FILE --output DIR
//
// Description:
//
// The list is JSON: {"files": [{"path": …, "size": …, "sha256": …, "output": …,
// "urls": […], "pin": …}, …]}, or the SDK's lock. Files come from the download
// cache, from the mirrors in DEBIAN_MIRROR or in apt's configuration, or from
// their own addresses, and are hard links into the cache where possible. A
// file that no place has with the right size and SHA-256 is an error.
//
// fetch runs before any module can be had, by `go run` in a repository rule:
// it and all that it imports are of the standard library or of this folder.
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
		fmt.Fprintln(os.Stderr, "fetch:", err)
		os.Exit(1)
	}
}

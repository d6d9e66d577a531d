// Command gomodules packs the modules that a go.mod needs into one file.
//
// Synopsis:
//
//	gomodules --go GO --mod go.mod --sum go.sum --output FILE
//
// Description:
//
// The file is a tar in the layout of a module proxy (go.dev/ref/mod,
// "GOPROXY protocol"), so that a build without a network can use it by
// GOPROXY=file://. The go command fetches the modules through the user's own
// settings and checks each one against go.sum; a go.sum that lacks a line is an
// error. The same go.mod and go.sum give the same bytes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.StringVar(&o.goCommand, "go", "go", "the go command")
	flag.StringVar(&o.mod, "mod", "", "go.mod of the package")
	flag.StringVar(&o.sum, "sum", "", "go.sum of the package")
	flag.StringVar(&o.output, "output", "", "file to write")
	flag.Parse()
	if err := pack(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "gomodules:", err)
		os.Exit(1)
	}
}

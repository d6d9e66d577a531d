// Command reproduce builds one commit twice, in two folders, without any cache
// of build results, and compares every package layer and the image.
//
// Synopsis:
//
//	bazel run //bench/reproduce -- [--target LABEL] [--with-tree] [--keep]
//
// Description:
//
// Both builds start from a clone of HEAD and have an output base of their own.
// Downloads, which are pinned by hash, are shared. With --with-tree only one
// build is made and compared with what is in this work tree's bazel-bin, which
// must have been built from the same commit. The exit status is 1 where any
// file differs.
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
	flag.StringVar(&o.target, "target", "//variants/base:image", "what to build")
	flag.BoolVar(&o.withTree, "with-tree", false, "build once and compare with this work tree's bazel-bin")
	flag.BoolVar(&o.keep, "keep", false, "keep the folders of the builds")
	flag.StringVar(&o.tree, "tree", os.Getenv("BUILD_WORKSPACE_DIRECTORY"), "work tree whose HEAD is built")
	flag.Parse()
	same, err := reproduce(ctx, o, os.Stdout)
	if err != nil {
		fmt.Fprintln(os.Stderr, "reproduce:", err)
		os.Exit(2)
	}
	if !same {
		os.Exit(1)
	}
}

// Command godeps writes the Go modules of a go.mod as Bazel repositories.
//
// Synopsis:
//
//	godeps [-mod go.mod] [-sum go.sum] -out FILE.bzl
//
// The file defines go_deps(), with one go_repository for each required module, pinned
// by version and h1: sum. It is written by `bazel run //:update`, never by hand.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	mod := flag.String("mod", "go.mod", "module file to read")
	sum := flag.String("sum", "go.sum", "file with the modules' sums")
	out := flag.String("out", "", "Starlark file to write")
	flag.Parse()
	if err := run(*mod, *sum, *out); err != nil {
		fmt.Fprintln(os.Stderr, "godeps:", err)
		os.Exit(1)
	}
}

// run reads the files mod and sum and writes out, if its content differs.
func run(mod, sum, out string) error {
	if out == "" {
		return fmt.Errorf("-out is missing")
	}
	modText, err := os.ReadFile(mod)
	if err != nil {
		return err
	}
	sumText, err := os.ReadFile(sum)
	if err != nil {
		return err
	}
	text, err := generate(mod, modText, sumText)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(out); err == nil && string(old) == text {
		return nil
	}
	return os.WriteFile(out, []byte(text), 0o644)
}

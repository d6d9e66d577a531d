// Command tufrepo makes, changes and mirrors update repositories.
package main

import (
	"os"

	"github.com/slipway-os/slipway/tuf-repo/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }

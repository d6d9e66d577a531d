// Command imagetool builds, shows and checks Slipway disk images.
package main

import (
	"os"

	"github.com/slipway-os/slipway/imagetool/cli"
)

func main() { os.Exit(cli.Main(os.Args[1:], os.Stdout, os.Stderr)) }

// Slipway is the one static binary of the runtime: every daemon and command is
// picked by the name it is called by, or by its first argument.
package main

import "os"

func main() {
	os.Exit(table().Run(os.Args, os.Stdout, os.Stderr))
}

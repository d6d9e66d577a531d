// Command kconfig joins fragments of kernel configuration and checks that the
// kernel's configuration came out as they ask.
//
// Synopsis:
//
//	kconfig merge --out FILE FRAGMENT...
//	kconfig check --config FILE FRAGMENT...
//
// Description:
//
//	merge writes one file for KCONFIG_ALLCONFIG. Where two fragments set one
//	option, the last wins, and standard error names both places.
//
//	check compares every option that the fragments ask for with the finished
//	.config. The kernel's own tools drop in silence whatever has an unmet
//	dependency or is misspelt; check lists each one and where it was asked for.
//
// The exit status is 0 for success, 1 for a failed check, a malformed file or
// an error of input or output, 2 for wrong usage.
package main

import "os"

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

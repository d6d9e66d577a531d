// Package qemutest is a machine without QEMU: a program with QEMU's sockets
// and, behind them, a host that boots, answers and reboots.
package qemutest

import (
	"os"
	"path/filepath"
	"testing"
)

// Env names the variable that selects what the machine does.
const Env = "SLIPWAY_FAKE_MACHINE"

// What a machine can do.
const (
	Boots   = ""        // boots; the API answers
	Panics  = "panics"  // the kernel panics
	Refuses = "refuses" // QEMU ends at once
	Hangs   = "hangs"   // the console stays at the firmware's line
)

// Main is the first call of TestMain. In a process that was started as QEMU or
// qemu-img it does their work and exits; in any other it returns.
func Main() {
	switch filepath.Base(os.Args[0]) {
	case "qemu-system-x86_64":
		os.Exit(system(os.Args[1:]))
	case "qemu-img":
		os.Exit(image(os.Args[1:]))
	}
}

// Install makes the programs the only ones in PATH, for one test. It returns an
// empty variable store for the firmware.
func Install(t *testing.T) (vars string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for _, name := range []string{"qemu-system-x86_64", "qemu-img"} {
		if err := os.Symlink(self, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
	vars = filepath.Join(dir, "template.fd")
	if err := os.WriteFile(vars, []byte("empty"), 0o600); err != nil {
		t.Fatal(err)
	}
	return vars
}

// image is "qemu-img create": the disk is the last argument but the size.
func image(args []string) int {
	for _, a := range args {
		if filepath.Ext(a) == ".qcow2" {
			if os.WriteFile(a, nil, 0o600) != nil {
				return 1
			}
		}
	}
	return 0
}

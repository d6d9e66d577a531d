// Package accel finds out how guests can be run on this host, by running one.
//
// That /dev/kvm exists says little: where this host is itself a guest, the
// device may be there and yet no ordinary guest gets past its first
// instructions. So the firmware is started with KVM, and only its first byte
// on the serial console counts.
package accel

import (
	"fmt"
	"os"
	"time"
)

// Names of accelerators.
const (
	KVM = "kvm"
	TCG = "tcg"
)

// Env names the variable that overrides the choice with KVM or TCG.
const Env = "SLIPWAY_ACCEL"

// An Accel says how QEMU runs guests.
type Accel struct {
	Name   string // KVM or TCG
	Reason string // why this one
}

// String reads "tcg (KVM does not work here: …)".
func (a Accel) String() string { return fmt.Sprintf("%s (%s)", a.Name, a.Reason) }

// Args are QEMU's arguments for the accelerator and the processor.
//
// For TCG, "max" is an AMD processor, so that a kernel sees no need to isolate
// its page tables, which makes every system call dear to an emulator: a boot
// takes a quarter less time than on an emulated Intel processor. Five-level
// page tables would only make each translation dearer.
func (a Accel) Args() []string {
	if a.Name == KVM {
		return []string{"-accel", "kvm", "-cpu", "host"}
	}
	return []string{"-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max,la57=off"}
}

// Patience stretches a time limit that suits KVM to what this accelerator
// needs on a busy host.
func (a Accel) Patience(d time.Duration) time.Duration {
	if a.Name == KVM {
		return d
	}
	return 6 * d
}

// fromEnv is the choice that the environment makes, if any.
func fromEnv() (Accel, bool, error) {
	switch name := os.Getenv(Env); name {
	case "":
		return Accel{}, false, nil
	case KVM, TCG:
		return Accel{Name: name, Reason: Env + " says so"}, true, nil
	default:
		return Accel{}, false, fmt.Errorf("%s is %q, want %q or %q", Env, name, KVM, TCG)
	}
}

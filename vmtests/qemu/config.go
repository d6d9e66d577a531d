// Package qemu runs one virtual machine: UEFI firmware, a disk, a serial
// console, the API door and a monitor, in one QEMU process.
//
//	config.go    what the machine has
//	devices.go   QEMU's arguments for it
//	disk.go      copy-on-write disks and their faults
//	lifecycle.go start, end and power cut
//	monitor.go   QMP: commands and events
package qemu

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"time"

	"github.com/slipway-os/slipway/vmtests/accel"
)

// DoorName is the virtio-serial port on which a guest serves its API.
const DoorName = "dev.slipway.api"

// Firmware is a UEFI firmware: code that is shared and a variable store that
// is copied for each machine.
type Firmware struct {
	Code, Vars string
}

// OVMF is the firmware of Debian's package ovmf, without Secure Boot.
var OVMF = Firmware{Code: "/usr/share/OVMF/OVMF_CODE_4M.fd", Vars: "/usr/share/OVMF/OVMF_VARS_4M.fd"}

// CheckTools says in one error which of the programs and files that machines
// need are missing.
func CheckTools() error {
	var missing []error
	for _, name := range []string{"qemu-system-x86_64", "qemu-img", "qemu-io"} {
		if _, err := exec.LookPath(name); err != nil {
			missing = append(missing, err)
		}
	}
	for _, path := range []string{OVMF.Code, OVMF.Vars} {
		if _, err := os.Stat(path); err != nil {
			missing = append(missing, err)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return fmt.Errorf("machines need QEMU and OVMF, which the SDK has (run this by Bazel):\n%w", errors.Join(missing...))
}

// Config says what a machine has. The files of a machine are in Dir; started
// again with the same Config it is the same machine after a power cut.
type Config struct {
	Accel     accel.Accel
	Firmware  Firmware
	Dir       string // for sockets, variable store and user data; its path is short (unix(7))
	Disk      Disk
	MemoryMiB int
	CPUs      int
	UUID      string
	// UserData is what the guest gets as opt/slipway/user-data; nil is none.
	UserData []byte
	// Credentials are handed to the guest's systemd, see systemd.system-credentials(7).
	Credentials map[string]string
	// SMBIOS are further type 11 strings (DSP0134, 7.12), as "name=value".
	SMBIOS []string
	// Manufacturer is what SMBIOS says of the machine's maker; "" is QEMU.
	Manufacturer string
	// Seeds are further disks, which the guest cannot write.
	Seeds []Disk
	// Clock is what the hardware clock says at power on; zero is the time.
	Clock time.Time
	// Network connects the guest to QEMU's user-mode network.
	Network bool
	// NetworkHost is the address under which the guest reaches the loopback of
	// this host; "" is 10.0.2.2. Guests are in the same /24.
	NetworkHost string
	// Screen adds a display adapter, without which there are no screenshots.
	Screen bool
	// MemoryStats adds a balloon, through which a guest reports its use of memory.
	MemoryStats bool
	// Terminal puts console and monitor on this process's terminal; Ctrl-a x ends.
	Terminal bool
}

// Door returns the path of the socket that is the machine's API door.
func (c Config) Door() string { return c.files().door }

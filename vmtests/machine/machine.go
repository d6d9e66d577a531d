// Package machine is a host under test: a machine with the release image on a
// copy-on-write disk, over power cuts and reboots, with its evidence.
package machine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/evidence"
	"github.com/slipway-os/slipway/vmtests/guest"
	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

// DoorOpen is user data that opens the API door.
const DoorOpen = "[settings.api]\nvirtio-serial = true\n"

// Sizes of a machine unless Options say otherwise.
const (
	memoryMiB = 1024
	cpus      = 2
	diskSize  = 4 << 30 // bytes
)

// Options say how a machine differs from the usual one.
type Options struct {
	Image string // raw disk image, never written
	Accel accel.Accel
	// UserData is handed to the guest; "" is none.
	UserData string
	// Credentials are handed to the guest's systemd.
	Credentials map[string]string
	// DiskSize is in bytes; 0 is 4 GiB.
	DiskSize int64
	// Expected are troubles that the test brings about: they end no wait.
	Expected []console.Trouble
	// Network connects the machine to QEMU's user-mode network; NetworkHost is
	// the address of this host's loopback there, "" is 10.0.2.2.
	Network     bool
	NetworkHost string
	// Manufacturer, SMBIOS and Seeds are as in qemu.Config.
	Manufacturer string
	SMBIOS       []string
	Seeds        []qemu.Disk
	// Clock is what the hardware clock says at power on; zero is the time.
	Clock time.Time
	// MemoryMiB is the size of the machine's memory; 0 is 1024.
	MemoryMiB int
	// MemoryStats lets the guest report its use of memory.
	MemoryStats bool
	// Evidence takes the console as it is written.
	Evidence evidence.Folder
}

// A Machine may be off or on.
type Machine struct {
	Console  *console.Log
	Timeline *evidence.Timeline
	API      *guest.Client
	Disk     qemu.Disk

	config   qemu.Config
	troubles []console.Trouble
	folder   evidence.Folder
	raw      *os.File // console.log
	vm       *qemu.VM // nil while off
	on       time.Time
	from     console.Mark // where the console of this boot begins
	events   int          // how many events were before this boot

	mu        sync.Mutex
	resetMark console.Mark // where the console was at the last reset
}

// New makes a machine that is off. The caller ends it with Destroy.
func New(ctx context.Context, o Options) (*Machine, error) {
	dir, err := os.MkdirTemp("", "vm-")
	if err != nil {
		return nil, fmt.Errorf("making a machine: %w", err)
	}
	m := &Machine{
		Timeline: &evidence.Timeline{}, troubles: console.Except(o.Expected...), folder: o.Evidence,
		config: qemu.Config{
			Accel: o.Accel, Firmware: qemu.OVMF, Dir: dir, MemoryMiB: memoryMiB, CPUs: cpus,
			UUID: uuid.NewString(), Credentials: o.Credentials, Network: o.Network, NetworkHost: o.NetworkHost,
			Manufacturer: o.Manufacturer, SMBIOS: o.SMBIOS, Seeds: o.Seeds, Clock: o.Clock, Screen: true, MemoryStats: o.MemoryStats,
		},
	}
	if o.MemoryMiB != 0 {
		m.config.MemoryMiB = o.MemoryMiB
	}
	if o.UserData != "" {
		m.config.UserData = []byte(o.UserData)
	}
	if o.DiskSize == 0 {
		o.DiskSize = diskSize
	}
	if err := m.makeFiles(ctx, o); err != nil {
		os.RemoveAll(dir)
		return nil, fmt.Errorf("making a machine: %w", err)
	}
	m.Console = console.New(m.raw)
	m.API = guest.New(m.config.Door())
	m.Timeline.Add("machine made, accelerator %s", o.Accel)
	return m, nil
}

func (m *Machine) makeFiles(ctx context.Context, o Options) (err error) {
	if m.Disk, err = qemu.Overlay(ctx, o.Image, filepath.Join(m.config.Dir, "disk.qcow2"), o.DiskSize); err != nil {
		return err
	}
	m.config.Disk = m.Disk
	m.raw, err = os.Create(o.Evidence.Path("console.log"))
	return err
}

// PowerOn starts the machine.
func (m *Machine) PowerOn(ctx context.Context) error {
	if m.vm != nil {
		return errors.New("the machine is on already")
	}
	m.on, m.from, m.events = time.Now(), m.Console.Mark(), 0
	vm, err := qemu.Start(ctx, m.config, m.Console, m.note)
	if err != nil {
		return err
	}
	m.vm = vm
	m.Timeline.Add("power on")
	return nil
}

// note takes in an event of the monitor.
func (m *Machine) note(e qemu.Event) {
	m.Timeline.Add("event %s", e)
	if open, ok := e.DoorChange(); ok && !open {
		m.API.Lost()
	}
	if e.Name == "RESET" {
		m.mu.Lock()
		m.resetMark = m.Console.Mark()
		m.mu.Unlock()
	}
}

// PowerCut ends QEMU at once, with whatever is in flight.
func (m *Machine) PowerCut() {
	if m.vm == nil {
		return
	}
	m.Timeline.Add("power cut")
	m.API.HangUp()
	m.vm.Kill()
	m.vm = nil
}

// Destroy cuts the power and removes the machine's files. The evidence stays.
func (m *Machine) Destroy() error {
	m.PowerCut()
	return errors.Join(m.raw.Close(), os.RemoveAll(m.config.Dir))
}

// Since returns when the machine was turned on or reset.
func (m *Machine) Since() time.Time { return m.on }

// Monitor returns the machine's monitor; the machine must be on.
func (m *Machine) Monitor() *qemu.Monitor { return m.vm.Monitor }

// Patience stretches a time limit that suits KVM.
func (m *Machine) Patience(d time.Duration) time.Duration { return m.config.Accel.Patience(d) }

// Flip inverts every bit of one byte of the disk, as the image has it, at an
// offset in bytes. The machine must be off.
func (m *Machine) Flip(ctx context.Context, img string, offset int64) error {
	b, err := image.ByteAt(img, offset)
	if err != nil {
		return err
	}
	m.Timeline.Add("flipping the byte at %d of the disk", offset)
	return m.Disk.PutByte(ctx, offset, ^b)
}

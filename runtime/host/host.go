// Package host finds out what this host is: its release, its kernel, the slot
// and root file system that it runs from, its STATE partition.
//
// Everything is read below a root folder that the caller gives, so that tests
// run on made-up hosts; only device-mapper and file system statistics are asked
// of the kernel, through interfaces.
package host

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// A Host is one host to be asked. Use New.
type Host struct {
	Root   string // "/" but for tests
	DM     DeviceMapper
	StatFS func(path string) (Space, error)
}

// Space is the size of a file system and what is left of it, in bytes.
type Space struct {
	Size, Available uint64
}

// Release is /usr/lib/os-release, see os-release(5).
type Release struct {
	Name, PrettyName, VariantID, VersionID, BuildID string
}

// Root describes the root file system.
type Root struct {
	Device   string // /dev/dm-0
	FSType   string
	ReadOnly bool   // of the file system itself, not only of the mount
	Verity   string // verified, corrupted, absent
	RootHash string // hex; "" without verity
	Slot     string // A, B; "" where it cannot be told
}

// Values of Root.Verity.
const (
	VerityVerified  = "verified"  // every block read so far was as signed
	VerityCorrupted = "corrupted" // the kernel met a block that was not
	VerityAbsent    = "absent"    // the root is not below dm-verity
)

// State describes the STATE file system, mounted on /var.
type State struct {
	Device    string // /dev/vda6
	FSType    string
	Size      uint64 // bytes
	Available uint64 // bytes, for ordinary users
}

// Arch is the architecture's name as uname(1) says it.
func Arch() string {
	switch runtime.GOARCH {
	case "amd64":
		return "x86_64"
	case "arm64":
		return "aarch64"
	}
	return runtime.GOARCH
}

// Release reads the os-release file.
func (h Host) Release() (Release, error) {
	b, err := os.ReadFile(h.path("/usr/lib/os-release"))
	if err != nil {
		return Release{}, fmt.Errorf("reading the release: %w", err)
	}
	v := parseOSRelease(string(b))
	return Release{
		Name: v["NAME"], PrettyName: v["PRETTY_NAME"], VariantID: v["VARIANT_ID"],
		VersionID: v["VERSION_ID"], BuildID: v["BUILD_ID"],
	}, nil
}

// Kernel returns the kernel's release, such as 6.12.43.
func (h Host) Kernel() (string, error) { return h.line("/proc/sys/kernel/osrelease") }

// BootID returns the UUID that the kernel made for this boot.
func (h Host) BootID() (string, error) { return h.line("/proc/sys/kernel/random/boot_id") }

// Uptime returns the time since the kernel started.
func (h Host) Uptime() (time.Duration, error) {
	s, err := h.line("/proc/uptime")
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(s, " ")
	seconds, err := strconv.ParseFloat(first, 64)
	if err != nil {
		return 0, fmt.Errorf("reading the uptime from %q: %w", s, err)
	}
	return time.Duration(seconds * float64(time.Second)), nil
}

// RootFS describes what is mounted on /. Verity and slot are found from the
// device itself, not from what the command line wished for.
func (h Host) RootFS() (Root, error) {
	m, err := h.mount("/")
	if err != nil {
		return Root{}, err
	}
	r := Root{FSType: m.FSType, ReadOnly: m.superReadOnly(), Verity: VerityAbsent}
	device, err := h.deviceName(m.Device)
	if err != nil {
		return r, err
	}
	r.Device = "/dev/" + device
	if !strings.HasPrefix(device, "dm-") {
		r.Slot, err = h.slot([]string{device})
		return r, err
	}
	slaves, err := h.slaves(device)
	if err != nil {
		return r, err
	}
	if r.Slot, err = h.slot(slaves); err != nil {
		return r, err
	}
	v, err := h.verity(m.Device)
	if err != nil {
		return r, fmt.Errorf("asking device-mapper about %s: %w", r.Device, err)
	}
	r.Verity, r.RootHash = v.state, v.rootHash
	return r, nil
}

// StateFS describes what is mounted on /var.
func (h Host) StateFS() (State, error) {
	m, err := h.mount("/var")
	if err != nil {
		return State{}, err
	}
	s := State{FSType: m.FSType}
	device, err := h.deviceName(m.Device)
	if err != nil {
		return s, err
	}
	s.Device = "/dev/" + device
	space, err := h.StatFS(h.path("/var"))
	if err != nil {
		return s, fmt.Errorf("measuring /var: %w", err)
	}
	s.Size, s.Available = space.Size, space.Available
	return s, nil
}

func (h Host) line(path string) (string, error) {
	b, err := os.ReadFile(h.path(path))
	if err != nil {
		return "", fmt.Errorf("asking the kernel: %w", err)
	}
	s := strings.TrimSpace(string(b))
	if s == "" {
		return "", errors.New("asking the kernel: " + path + " is empty")
	}
	return s, nil
}

func (h Host) path(p string) string { return filepath.Join(h.Root, p) }

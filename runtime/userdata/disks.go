package userdata

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/userdata/fat"
	"github.com/slipway-os/slipway/runtime/userdata/iso9660"
)

// A volume is a file system that is read without being mounted.
type volume interface {
	Label() string
	ReadFile(path string, limit int64) ([]byte, error)
}

// A kind is a kind of seed disk: cloud-init's NoCloud and OpenStack's config
// drive.
type kind struct {
	name, label        string
	userData, metadata string
	hostname           func(metadata []byte) string
}

var kinds = []kind{
	{name: "NoCloud disk", label: "cidata", userData: "user-data", metadata: "meta-data", hostname: noCloudHostname},
	{name: "config drive", label: "config-2", userData: "openstack/latest/user_data", metadata: "openstack/latest/meta_data.json", hostname: openStackHostname},
}

// Bounds of the search for disks.
const (
	maxDevices  = 256
	maxMetadata = 1 << 20 // bytes
)

// disks reads user data from the seed disks: NoCloud's, then config drives, each
// in the order of the devices' names. Disks that cannot be read and that udev
// does not call a seed disk, such as an empty drive, are passed over. When ctx
// ends, what has not answered is given up.
func (h Host) disks(ctx context.Context) []source {
	var found []seed
	for _, device := range h.devices() {
		answer := make(chan []seed, 1)
		go func() { answer <- h.look(device) }()
		select {
		case s := <-answer:
			found = append(found, s...)
		case <-ctx.Done():
			err := fmt.Errorf("reading the disk %s: %w", device.name, ctx.Err())
			return append(ordered(found), source{name: "disks", err: err})
		}
	}
	return ordered(found)
}

// A seed is what was found on a disk of some kind.
type seed struct {
	kind *kind
	source
}

// ordered brings all disks of one kind together.
func ordered(found []seed) (all []source) {
	for i := range kinds {
		for _, s := range found {
			if s.kind == &kinds[i] {
				all = append(all, s.source)
			}
		}
	}
	return all
}

// A device is a block device that may be a seed disk.
type device struct {
	name string // vdb
	seed *kind  // what udev says of its label, nil if nothing
}

// devices lists the block devices of the kernel, and those that udev knows by
// the labels of seed disks, by name. The kernel's are looked at as well, since
// udev may not have come to them so early.
func (h Host) devices() []device {
	var all []device
	for i := range kinds {
		for _, label := range []string{kinds[i].label, strings.ToUpper(kinds[i].label)} {
			if target, err := os.Readlink(h.path("/dev/disk/by-label/" + label)); err == nil {
				all = append(all, device{filepath.Base(target), &kinds[i]})
			}
		}
	}
	entries, err := os.ReadDir(h.path("/sys/class/block"))
	if err != nil {
		entries = nil // a machine without block devices
	}
	for _, e := range entries {
		known := slices.ContainsFunc(all, func(d device) bool { return d.name == e.Name() })
		if !known && !isVirtual(e.Name()) && len(all) < maxDevices {
			all = append(all, device{name: e.Name()})
		}
	}
	slices.SortStableFunc(all, func(a, b device) int { return strings.Compare(a.name, b.name) })
	return all
}

// isVirtual tells block devices that the host itself makes.
func isVirtual(name string) bool {
	for _, prefix := range []string{"loop", "ram", "zram", "dm-"} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// look reads one device. Without a seed disk's label it yields nothing.
func (h Host) look(d device) []seed {
	open := openDisk
	if h.open != nil {
		open = h.open
	}
	f, err := open(h.path("/dev/" + d.name))
	if err != nil {
		return d.failed(err)
	}
	defer f.Close()
	v, err := openVolume(f)
	if err != nil {
		return d.failed(err)
	}
	for i := range kinds {
		if k := &kinds[i]; strings.EqualFold(v.Label(), k.label) {
			return []seed{{k, k.read(v, k.name+" "+d.name)}}
		}
	}
	return nil
}

// A disk is an open block device.
type disk interface {
	io.ReaderAt
	io.Closer
}

func openDisk(path string) (disk, error) {
	// Without O_NONBLOCK an empty drive would pull its tray in.
	return os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
}

// failed says so if udev promised a seed disk.
func (d device) failed(err error) []seed {
	if d.seed == nil {
		return nil
	}
	return []seed{{d.seed, source{name: d.seed.name + " " + d.name, err: fmt.Errorf("reading the disk: %w", err)}}}
}

func openVolume(r io.ReaderAt) (volume, error) {
	iso, err := iso9660.Open(r)
	if err == nil {
		return iso, nil
	}
	if !errors.Is(err, iso9660.ErrFormat) {
		return nil, err
	}
	return fat.Open(r)
}

// read takes user data and host name off a seed disk. Either may be missing.
func (k kind) read(v volume, name string) source {
	s := source{name: name}
	var err error
	s.data, err = v.ReadFile(k.userData, MaxSize)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.err = err
	}
	metadata, err := v.ReadFile(k.metadata, maxMetadata)
	switch {
	case err == nil:
		s.hostname = k.hostname(metadata)
	case !errors.Is(err, fs.ErrNotExist):
		s.err = errors.Join(s.err, err)
	}
	return s
}

// noCloudHostname finds local-hostname in NoCloud's meta-data. They are YAML, of
// which only this is understood: a key at the start of a line and a plain or
// quoted text behind it.
func noCloudHostname(metadata []byte) string {
	lines := bufio.NewScanner(bytes.NewReader(metadata))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), ":")
		if key != "local-hostname" {
			continue
		}
		value, _, _ = strings.Cut(value, " #")
		value = strings.TrimSpace(value)
		if n := len(value); n > 1 && (value[0] == '"' || value[0] == '\'') && value[n-1] == value[0] {
			value = value[1 : n-1]
		}
		return value
	}
	return ""
}

// openStackHostname finds the host name in OpenStack's meta_data.json.
func openStackHostname(metadata []byte) string {
	var m struct {
		Hostname string `json:"hostname"`
	}
	if err := json.Unmarshal(metadata, &m); err != nil {
		return "" // no reason to refuse the user data beside it
	}
	return m.Hostname
}

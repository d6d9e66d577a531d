package host

import (
	"fmt"
	"os"
	"strings"
)

// deviceName resolves MAJOR:MINOR to the kernel's name of the block device.
// The source column of mountinfo is no use: the kernel's own mount of the root
// is called /dev/root there.
func (h Host) deviceName(majorMinor string) (string, error) {
	v, err := h.uevent("/sys/dev/block/" + majorMinor)
	if err != nil {
		return "", err
	}
	if v["DEVNAME"] == "" {
		return "", fmt.Errorf("block device %s has no name", majorMinor)
	}
	return v["DEVNAME"], nil
}

// slaves lists the devices that a device-mapper device lies on.
func (h Host) slaves(device string) ([]string, error) {
	entries, err := os.ReadDir(h.path("/sys/class/block/" + device + "/slaves"))
	if err != nil {
		return nil, fmt.Errorf("listing what %s lies on: %w", device, err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// slot returns X of the partition labelled ROOT-X among devices, "" if none is.
func (h Host) slot(devices []string) (string, error) {
	for _, d := range devices {
		v, err := h.uevent("/sys/class/block/" + d)
		if err != nil {
			return "", err
		}
		if slot, ok := strings.CutPrefix(v["PARTNAME"], "ROOT-"); ok {
			return slot, nil
		}
	}
	return "", nil
}

// uevent reads the KEY=value lines of a sysfs device.
func (h Host) uevent(dir string) (map[string]string, error) {
	b, err := os.ReadFile(h.path(dir + "/uevent"))
	if err != nil {
		return nil, fmt.Errorf("reading about a device: %w", err)
	}
	values := map[string]string{}
	for line := range strings.Lines(string(b)) {
		if key, value, ok := strings.Cut(strings.TrimRight(line, "\n"), "="); ok {
			values[key] = value
		}
	}
	return values, nil
}

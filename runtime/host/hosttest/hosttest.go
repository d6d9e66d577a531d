// Package hosttest makes hosts for tests: a root folder with the files of /proc
// and /sys that package host reads, and a device-mapper in memory.
package hosttest

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/slipway-os/slipway/runtime/host"
)

// RootHash is the root hash of New's host.
const RootHash = "9d8b2a1f0e6c5d4b3a291807f6e5d4c3b2a1908f7e6d5c4b3a29180706050403"

// BootID is the boot ID of New's host.
const BootID = "0b5a2f36-7d1c-4e0f-9a55-2d6b1c9e8f70"

// DM is a device-mapper that knows one device, 253:0.
type DM struct {
	Targets, States []host.Target
	Err             error
}

// Table implements host.DeviceMapper.
func (d *DM) Table(dev string) ([]host.Target, error) { return d.answer(dev, d.Targets) }

// Status implements host.DeviceMapper.
func (d *DM) Status(dev string) ([]host.Target, error) { return d.answer(dev, d.States) }

func (d *DM) answer(dev string, t []host.Target) ([]host.Target, error) {
	if dev != "253:0" {
		return nil, errors.New("no such device")
	}
	return t, d.Err
}

// Files are what New writes: a host that runs slot A from verity on /dev/vda.
func Files() map[string]string {
	return map[string]string{
		"usr/lib/os-release": "NAME=\"Slipway\"\nPRETTY_NAME=\"Slipway 0.1.0 (base)\"\n# none\nID=slipway\nVARIANT_ID=base\nVERSION_ID=0.1.0\n",
		"proc/self/mountinfo": "21 1 253:0 / / ro,relatime shared:1 - erofs /dev/root ro,user_xattr\n" +
			"22 21 0:20 / /proc rw,nosuid shared:2 - proc proc rw\n" +
			"30 21 254:6 / /var rw,nosuid,nodev,noatime shared:9 - ext4 /dev/vda6 rw\n",
		"proc/sys/kernel/osrelease":            "6.12.43\n",
		"proc/sys/kernel/random/boot_id":       BootID + "\n",
		"proc/uptime":                          "12.34 20.00\n",
		"sys/dev/block/253:0/uevent":           "MAJOR=253\nMINOR=0\nDEVNAME=dm-0\nDEVTYPE=disk\n",
		"sys/dev/block/254:6/uevent":           "MAJOR=254\nMINOR=6\nDEVNAME=vda6\nDEVTYPE=partition\nPARTNAME=STATE\n",
		"sys/class/block/dm-0/slaves/vda2/dev": "254:2\n",
		"sys/class/block/dm-0/slaves/vda3/dev": "254:3\n",
		"sys/class/block/vda2/uevent":          "DEVNAME=vda2\nDEVTYPE=partition\nPARTN=2\nPARTNAME=ROOT-A\n",
		"sys/class/block/vda3/uevent":          "DEVNAME=vda3\nDEVTYPE=partition\nPARTN=3\nPARTNAME=HASH-A\n",
		"var/lib/slipway/.keep":                "",
		"run/slipway/.keep":                    "",
	}
}

// New makes the host of Files, with change applied: a changed content replaces
// that of Files, "-" removes the file.
func New(t testing.TB, change map[string]string) (host.Host, *DM) {
	t.Helper()
	root := t.TempDir()
	files := Files()
	for path, content := range change {
		files[path] = content
	}
	for path, content := range files {
		if content == "-" {
			continue
		}
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	dm := &DM{
		Targets: []host.Target{{Type: "verity", Params: "1 254:2 254:3 4096 4096 5000 1 sha256 " + RootHash + " 00ff 2 restart_on_corruption ignore_zero_blocks"}},
		States:  []host.Target{{Type: "verity", Params: "V"}},
	}
	statFS := func(string) (host.Space, error) { return host.Space{Size: 8 << 30, Available: 7 << 30}, nil }
	return host.Host{Root: root, DM: dm, StatFS: statFS}, dm
}

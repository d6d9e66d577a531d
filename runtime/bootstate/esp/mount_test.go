package esp

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sys makes a /sys with two disks, each with an EFI system partition, and the
// root on the second one's dm-verity.
func sys(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for path, content := range map[string]string{
		"devices/pci/block/vda/vda1/uevent":      "DEVNAME=vda1\nPARTNAME=ESP\n",
		"devices/pci/block/vdb/vdb1/uevent":      "DEVNAME=vdb1\nPARTN=1\nPARTNAME=ESP\nPARTUUID=x\n",
		"devices/pci/block/vdb/vdb2/uevent":      "DEVNAME=vdb2\nPARTNAME=ROOT-A\n",
		"devices/pci/block/vdb/queue/rotational": "0\n",
		"devices/pci/block/vdc/vdc1/uevent":      "DEVNAME=vdc1\nPARTNAME=ESP2\n",
		"devices/virtual/block/dm-0/uevent":      "DEVNAME=dm-0\n",
		"devices/virtual/block/dm-0/slaves/vdb2": "",
	} {
		full := filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(full), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(full, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	class := filepath.Join(root, "class/block")
	if err := os.MkdirAll(class, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, to := range []string{"pci/block/vda/vda1", "pci/block/vdb/vdb1", "pci/block/vdb/vdb2", "pci/block/vdc/vdc1", "virtual/block/dm-0"} {
		if err := os.Symlink(filepath.Join("../../devices", to), filepath.Join(class, filepath.Base(to))); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestFind(t *testing.T) {
	root := sys(t)
	for device, want := range map[string]string{"dm-0": "vdb1", "vdb2": "vdb1", "vda1": "vda1"} {
		if got, err := find(root, device); got != want || err != nil {
			t.Errorf("of the disk of %s: %q, %v, want %s", device, got, err, want)
		}
	}
	if _, err := find(root, "vdc1"); err == nil || !strings.Contains(err.Error(), "no partition of vdc is labelled ESP") {
		t.Errorf("a disk without one: %v", err)
	}
	if _, err := find(root, "vdz9"); err == nil {
		t.Error("a disk that is not there has one")
	}
}

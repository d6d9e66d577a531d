package qemu

import (
	"encoding/base64"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/vmtests/accel"
)

func testConfig(dir string) Config {
	return Config{
		Accel: accel.Accel{Name: accel.TCG}, Firmware: Firmware{Code: "/fw/code,1.fd", Vars: "/fw/vars.fd"},
		Dir: dir, Disk: Disk{Path: dir + "/disk.qcow2", Format: "qcow2"},
		MemoryMiB: 1024, CPUs: 2, UUID: "11111111-2222-3333-4444-555555555555",
	}
}

func TestArgs(t *testing.T) {
	c := testConfig("/m,1")
	c.UserData = []byte("x")
	c.Network, c.Screen = true, true
	c.Credentials = map[string]string{"systemd.extra-unit.b.service": "[Unit]\n", "a": "1,2"}
	got := c.args(inherited{qmp: 3, door: 4, console: 5})
	for _, want := range [][]string{
		{"-m", "1024", "-smp", "2"},
		{"-uuid", c.UUID},
		{"-action", "panic=none", "-action", "watchdog=reset"},
		{"-drive", "if=pflash,format=raw,readonly=on,file=/fw/code,,1.fd", "-drive", "if=pflash,format=raw,file=/m,,1/vars.fd"},
		{"-drive", "if=none,id=disk,format=qcow2,cache=writeback,discard=unmap,file=/m,,1/disk.qcow2"},
		{"-device", "i6300esb", "-device", "pvpanic-pci"},
		{"-chardev", "socket,id=console,fd=5", "-serial", "chardev:console"},
		{"-chardev", "socket,id=qmp,fd=3,server=on,wait=off", "-mon", "chardev=qmp,mode=control"},
		{"-chardev", "socket,id=door,fd=4,server=on,wait=off", "-device", "virtserialport,id=door,chardev=door,name=dev.slipway.api"},
		{"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="},
		{"-device", "VGA"},
		{"-fw_cfg", "name=opt/slipway/user-data,file=/m,,1/user-data"},
		{"-smbios", "type=11,value=io.systemd.credential.binary:a=" + base64.StdEncoding.EncodeToString([]byte("1,2"))},
	} {
		if !contains(got, want) {
			t.Errorf("arguments lack %q:\n%s", want, strings.Join(got, " "))
		}
	}
	if slices.Contains(got, "-no-reboot") {
		t.Error("guests must be able to reboot")
	}
}

func contains(list, part []string) bool {
	for i := range list {
		if len(list)-i >= len(part) && slices.Equal(list[i:i+len(part)], part) {
			return true
		}
	}
	return false
}

// Nothing but what was asked for: each option adds its arguments, no others.
func TestArgsOfOptions(t *testing.T) {
	fd := inherited{qmp: 3, door: 4, console: 5}
	plain := testConfig("/m").args(fd)
	for _, tc := range []struct {
		name string
		set  func(*Config)
		want []string
	}{
		{"user data", func(c *Config) { c.UserData = []byte{} }, []string{"-fw_cfg", "name=opt/slipway/user-data,file=/m/user-data"}},
		{"network", func(c *Config) { c.Network = true }, []string{"-netdev", "user,id=net", "-device", "virtio-net-pci,netdev=net,romfile="}},
		{"network of a cloud", func(c *Config) { c.Network, c.NetworkHost = true, "169.254.169.254" },
			[]string{"-netdev", "user,id=net,net=169.254.169.254/24,host=169.254.169.254", "-device", "virtio-net-pci,netdev=net,romfile="}},
		{"maker", func(c *Config) { c.Manufacturer = "A, B" }, []string{"-smbios", "type=1,manufacturer=A,, B"}},
		{"strings", func(c *Config) { c.SMBIOS = []string{"a=1"} }, []string{"-smbios", "type=11,value=a=1"}},
		{"seed", func(c *Config) { c.Seeds = []Disk{{Path: "/s.iso", Format: "raw"}} }, []string{
			"if=none,id=seed0,format=raw,readonly=on,file=/s.iso", "-device", "virtio-blk-pci,drive=seed0,serial=seed0",
		}},
		{"memory", func(c *Config) { c.MemoryStats = true }, []string{"-device", "virtio-balloon-pci,id=balloon"}},
		{"terminal", func(c *Config) { c.Terminal = true }, []string{"stdio,id=console,mux=on,signal=off", "-mon", "chardev=console,mode=readline"}},
	} {
		c := testConfig("/m")
		tc.set(&c)
		var added []string
		for _, a := range c.args(fd) {
			if !slices.Contains(plain, a) || a == "-mon" || a == "-device" {
				added = append(added, a)
			}
		}
		added = without(added, plain, "-mon", "-device")
		if d := cmp.Diff(tc.want, added); d != "" {
			t.Errorf("%s added (-want +got):\n%s", tc.name, d)
		}
	}
}

// without drops as many of each name as plain has, from the front.
func without(list, plain []string, names ...string) []string {
	for _, name := range names {
		for _, p := range plain {
			if i := slices.Index(list, name); p == name && i >= 0 {
				list = slices.Delete(list, i, i+1)
			}
		}
	}
	return list
}

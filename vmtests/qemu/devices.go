package qemu

import (
	"encoding/base64"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// inherited are file descriptors that QEMU finds open.
type inherited struct {
	qmp, door int // listening sockets
	console   int // connected socket; unused with Terminal
}

// files are the paths of a machine's own files.
type files struct {
	vars, userData, qmp, door string
}

func (c Config) files() files {
	in := func(name string) string { return filepath.Join(c.Dir, name) }
	return files{vars: in("vars.fd"), userData: in("user-data"), qmp: in("qmp.sock"), door: in("api.sock")}
}

// args are QEMU's arguments. Every device that the guest sees is named here:
// there are no defaults.
func (c Config) args(fd inherited) []string {
	f := c.files()
	args := []string{
		"-nodefaults", "-no-user-config", "-display", "none",
		"-name", "slipway", "-uuid", c.UUID,
		"-machine", "q35", "-m", fmt.Sprint(c.MemoryMiB), "-smp", fmt.Sprint(c.CPUs),
		"-rtc", "base=" + c.clock(),
		// The guest itself decides what follows a panic; the monitor hears of it.
		"-action", "panic=none", "-action", "watchdog=reset",
	}
	args = append(args, c.Accel.Args()...)
	args = append(args,
		"-drive", "if=pflash,format=raw,readonly=on,file="+escape(c.Firmware.Code),
		"-drive", "if=pflash,format=raw,file="+escape(f.vars))
	args = append(args, c.Disk.args()...)
	args = append(args,
		"-device", "virtio-rng-pci",
		"-device", "i6300esb",
		"-device", "pvpanic-pci")
	args = append(args, serialArgs(c.Terminal, fd)...)
	args = append(args, c.networkArgs()...)
	if c.Screen {
		args = append(args, "-device", "VGA")
	}
	if c.MemoryStats {
		args = append(args, "-device", "virtio-balloon-pci,id="+balloonID)
	}
	if c.UserData != nil {
		args = append(args, "-fw_cfg", "name=opt/slipway/user-data,file="+escape(f.userData))
	}
	for i, seed := range c.Seeds {
		args = append(args, seed.seedArgs(i)...)
	}
	if c.Manufacturer != "" {
		args = append(args, "-smbios", "type=1,manufacturer="+escape(c.Manufacturer))
	}
	for _, s := range c.SMBIOS {
		args = append(args, "-smbios", "type=11,value="+escape(s))
	}
	return append(args, credentialArgs(c.Credentials)...)
}

// clock is in QEMU's words.
func (c Config) clock() string {
	if c.Clock.IsZero() {
		return "utc"
	}
	return c.Clock.UTC().Format("2006-01-02T15:04:05")
}

// networkArgs connect the guest to this host's loopback and to nothing else
// that it could count on.
func (c Config) networkArgs() []string {
	if !c.Network {
		return nil
	}
	user := "user,id=net"
	if c.NetworkHost != "" {
		user += ",net=" + c.NetworkHost + "/24,host=" + c.NetworkHost
	}
	return []string{"-netdev", user, "-device", "virtio-net-pci,netdev=net,romfile="}
}

// serialArgs connect console, API door and monitor.
func serialArgs(terminal bool, fd inherited) []string {
	console := fmt.Sprintf("socket,id=console,fd=%d", fd.console)
	if terminal {
		console = "stdio,id=console,mux=on,signal=off"
	}
	args := []string{
		"-chardev", console, "-serial", "chardev:console",
		"-chardev", fmt.Sprintf("socket,id=qmp,fd=%d,server=on,wait=off", fd.qmp),
		"-mon", "chardev=qmp,mode=control",
		"-device", "virtio-serial-pci",
		"-chardev", fmt.Sprintf("socket,id=door,fd=%d,server=on,wait=off", fd.door),
		"-device", "virtserialport,id=" + doorID + ",chardev=door,name=" + DoorName,
	}
	if terminal {
		args = append(args, "-mon", "chardev=console,mode=readline")
	}
	return args
}

// credentialArgs pass credentials by SMBIOS type 11 strings, in base64 because
// units have more than one line. They are sorted by name.
func credentialArgs(credentials map[string]string) []string {
	var args []string
	for _, name := range slices.Sorted(maps.Keys(credentials)) {
		value := base64.StdEncoding.EncodeToString([]byte(credentials[name]))
		args = append(args, "-smbios", "type=11,value="+escape("io.systemd.credential.binary:"+name+"="+value))
	}
	return args
}

// escape makes a value safe within a list of key=value pairs.
func escape(value string) string { return strings.ReplaceAll(value, ",", ",,") }

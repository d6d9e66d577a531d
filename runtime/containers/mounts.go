package containers

import (
	"os"
	"path/filepath"
	"slices"
)

// A Mount is a folder or file of the host that a container sees.
type Mount struct {
	Source, Target string
	Options        []string // of mount(8)
}

// Places in a container where the host's things are: ours, and Bottlerocket's
// for containers that were made for it.
var places = []string{"/.slipway", "/.bottlerocket"}

// Mounts lists what a container sees of the host whose root folder is root;
// what the host does not have is left out. It follows the mounts that
// Bottlerocket documents.
func (c Container) Mounts(root string) []Mount {
	mounts := []Mount{
		{"/run/api.sock", "/run/api.sock", []string{"bind", "rw"}},
		{"/usr/bin/apiclient", "/usr/local/bin/apiclient", []string{"bind", "ro"}},
		{"/etc/os-release", "/etc/slipway-release", []string{"bind", "ro"}},
		{"/etc/os-release", "/etc/bottlerocket-release", []string{"bind", "ro"}},
		{"/etc/hosts", "/etc/hosts", []string{"rbind", "ro"}},
		{"/etc/resolv.conf", "/etc/resolv.conf", []string{"rbind", "ro"}},
	}
	for _, at := range places {
		folder := at + "/" + string(c.Kind)
		mounts = append(mounts, Mount{c.Dir(), folder + "/" + c.Name, []string{"rbind", "rw"}})
		if c.Name != "current" {
			mounts = append(mounts, Mount{c.Dir(), folder + "/current", []string{"rbind", "rw"}})
		}
		mounts = append(mounts,
			Mount{"/etc/ssl/certs", at + "/certs", []string{"bind", "ro"}},
			Mount{"/var/log/support", at + "/support", []string{"bind", "ro"}})
	}
	if c.hasHost() {
		mounts = append(mounts, hostMounts()...)
	}
	mounts = slices.DeleteFunc(mounts, func(m Mount) bool {
		_, err := os.Stat(filepath.Join("/", root, m.Source))
		return err != nil
	})
	for i := range mounts {
		if !slices.ContainsFunc(mounts[i].Options, propagates) {
			mounts[i].Options = append(mounts[i].Options, "rprivate")
		}
	}
	return mounts
}

// hasHost tells whether the container sees the host's file systems.
func (c Container) hasHost() bool { return c.Superpowered || c.Kind == Bootstrap }

// hostMounts are those of superpowered and bootstrap containers. Below rootfs
// the image is read-only as it is, and STATE can be written. What is mounted
// below /mnt reaches the host.
func hostMounts() []Mount {
	mounts := []Mount{
		{"/lib/modules", "/lib/modules", []string{"rbind", "ro"}},
		{"/sys/firmware", "/sys/firmware", []string{"rbind"}},
		{"/sys/kernel/debug", "/sys/kernel/debug", []string{"rbind"}},
		{"/usr/bin/kmod", "/usr/local/sbin/modprobe", []string{"bind", "ro", "exec"}},
	}
	for _, at := range places {
		mounts = append(mounts,
			Mount{"/", at + "/rootfs", []string{"rbind", "ro"}},
			Mount{"/mnt", at + "/rootfs/mnt", []string{"rbind", "rshared"}})
	}
	for _, state := range []string{"/var/lib/containerd", "/var/lib/docker", "/var/lib/kubelet"} {
		for _, at := range places {
			mounts = append(mounts, Mount{state, at + "/rootfs" + state, []string{"rbind", "rshared"}})
		}
	}
	return mounts
}

func propagates(option string) bool {
	return slices.Contains([]string{"shared", "rshared", "private", "rprivate", "slave", "rslave"}, option)
}

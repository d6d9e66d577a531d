package ctrd

import (
	"context"
	"slices"

	containerd "github.com/containerd/containerd/v2/client"
	"github.com/containerd/containerd/v2/contrib/seccomp"
	ctrdcontainers "github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/oci"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/slipway-os/slipway/runtime/containers"
)

// specOf says how a container of an image is set up.
func specOf(c containers.Container, img containerd.Image, root string) []oci.SpecOpts {
	return append([]oci.SpecOpts{oci.WithImageConfigArgs(img, nil)}, setup(c, root)...)
}

// setup is what does not depend on the image. All containers share the host's
// network. What they may do beyond that follows Bottlerocket.
func setup(c containers.Container, root string) []oci.SpecOpts {
	opts := []oci.SpecOpts{
		oci.WithHostNamespace(specs.NetworkNamespace),
		oci.WithCgroup("/" + string(c.Kind) + "/" + c.Name),
		unmask("/sys/firmware"),
		expendable,
		oci.WithEnv(proxyEnv(c)),
		oci.WithMounts(cgroupMount),
		oci.WithMounts(mountsOf(c, root)),
	}
	if len(c.Command) > 0 {
		opts = append(opts, oci.WithProcessArgs(c.Command...))
	}
	switch {
	case c.Superpowered:
		opts = append(opts, superpowered...)
	case c.Kind == containers.Bootstrap:
		opts = append(opts, bootstrap...)
	default:
		opts = append(opts, oci.WithDefaultUnixDevices, seccomp.WithDefaultProfile())
	}
	return opts
}

// superpowered containers have the host: every capability, device, process and
// file system.
var superpowered = []oci.SpecOpts{
	sharedRoot,
	oci.WithHostNamespace(specs.PIDNamespace),
	oci.WithPrivileged,
	oci.WithNewPrivileges,
	oci.WithHostDevices,
	oci.WithAllDevicesAllowed,
}

// bootstrap containers prepare the host: they mount, set up the firewall, load
// modules and set audit rules.
var bootstrap = []oci.SpecOpts{
	sharedRoot,
	oci.WithHostNamespace(specs.PIDNamespace),
	oci.WithAddedCapabilities([]string{
		"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_MODULE", "CAP_AUDIT_CONTROL",
	}),
	seccomp.WithDefaultProfile(), // it depends on the capabilities
	oci.WithAllDevicesAllowed,
	allowSwap,
}

var cgroupMount = []specs.Mount{{
	Destination: "/sys/fs/cgroup", Type: "cgroup", Source: "cgroup",
	Options: []string{"ro", "nosuid", "noexec", "nodev"},
}}

func mountsOf(c containers.Container, root string) []specs.Mount {
	var mounts []specs.Mount
	for _, m := range c.Mounts(root) {
		mounts = append(mounts, specs.Mount{Source: m.Source, Destination: m.Target, Type: "bind", Options: m.Options})
	}
	return mounts
}

// proxyEnv is the environment that programs know proxies by.
func proxyEnv(c containers.Container) []string {
	var env []string
	if c.HTTPSProxy != "" {
		env = append(env, "HTTPS_PROXY="+c.HTTPSProxy, "https_proxy="+c.HTTPSProxy)
	}
	if c.NoProxy != "" {
		env = append(env, "NO_PROXY="+c.NoProxy, "no_proxy="+c.NoProxy)
	}
	return env
}

// sharedRoot lets what the container mounts below shared folders reach the host.
func sharedRoot(_ context.Context, _ oci.Client, _ *ctrdcontainers.Container, s *oci.Spec) error {
	s.Linux.RootfsPropagation = "rshared"
	return nil
}

// expendable lets the kernel end the container where memory runs out. By itself
// it would inherit the score of containerd, which goes last: everything else on
// the host would go before a container that takes it all.
func expendable(_ context.Context, _ oci.Client, _ *ctrdcontainers.Container, s *oci.Spec) error {
	s.Process.OOMScoreAdj = new(int)
	return nil
}

// unmask shows a path that is hidden from containers.
func unmask(path string) oci.SpecOpts {
	return func(_ context.Context, _ oci.Client, _ *ctrdcontainers.Container, s *oci.Spec) error {
		s.Linux.MaskedPaths = slices.DeleteFunc(s.Linux.MaskedPaths, func(p string) bool { return p == path })
		return nil
	}
}

// allowSwap lets the seccomp profile pass swapon(2) and swapoff(2).
func allowSwap(_ context.Context, _ oci.Client, _ *ctrdcontainers.Container, s *oci.Spec) error {
	if s.Linux.Seccomp != nil {
		s.Linux.Seccomp.Syscalls = append(s.Linux.Seccomp.Syscalls, specs.LinuxSyscall{
			Names: []string{"swapon", "swapoff"}, Action: specs.ActAllow,
		})
	}
	return nil
}

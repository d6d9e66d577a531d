package ctrd

import (
	"slices"
	"strings"
	"testing"

	"github.com/containerd/containerd/v2/core/containers"
	"github.com/containerd/containerd/v2/pkg/namespaces"
	"github.com/containerd/containerd/v2/pkg/oci"
	"github.com/google/go-cmp/cmp"
	specs "github.com/opencontainers/runtime-spec/specs-go"

	ours "github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// generate makes the spec of a container but for what its image says.
func generate(t *testing.T, c ours.Container) *oci.Spec {
	t.Helper()
	ctx := namespaces.WithNamespace(t.Context(), "default")
	record := &containers.Container{ID: c.ID()}
	s, err := oci.GenerateSpec(ctx, nil, record, setup(c, t.TempDir())...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func namespacesOf(s *oci.Spec) (list []string) {
	for _, n := range s.Linux.Namespaces {
		list = append(list, string(n.Type))
	}
	slices.Sort(list)
	return list
}

func TestPlainContainer(t *testing.T) {
	s := generate(t, ours.Container{
		Kind: ours.Host, Name: "control", Command: []string{"/bin/serve", "x"},
		HTTPSProxy: "http://proxy.invalid", NoProxy: "a.invalid",
	})
	if ns := namespacesOf(s); slices.Contains(ns, "network") || !slices.Contains(ns, "pid") || !slices.Contains(ns, "mount") {
		t.Errorf("namespaces of its own: %q", ns)
	}
	if s.Linux.CgroupsPath != "/host-containers/control" {
		t.Errorf("cgroup %q", s.Linux.CgroupsPath)
	}
	if slices.Contains(s.Process.Capabilities.Bounding, "CAP_SYS_ADMIN") {
		t.Error("it may administer the system")
	}
	if s.Linux.Seccomp == nil || !s.Process.NoNewPrivileges {
		t.Error("it has no seccomp profile or may get privileges")
	}
	if diff := cmp.Diff([]string{"/bin/serve", "x"}, s.Process.Args); diff != "" {
		t.Errorf("command (-want +got):\n%s", diff)
	}
	for _, want := range []string{"HTTPS_PROXY=http://proxy.invalid", "no_proxy=a.invalid"} {
		if !slices.Contains(s.Process.Env, want) {
			t.Errorf("no %s in the environment %q", want, s.Process.Env)
		}
	}
	if s.Process.OOMScoreAdj == nil || *s.Process.OOMScoreAdj != 0 {
		t.Error("it goes as late as containerd where memory runs out")
	}
	if slices.Contains(s.Linux.MaskedPaths, "/sys/firmware") {
		t.Error("/sys/firmware is hidden")
	}
}

func TestSuperpoweredContainer(t *testing.T) {
	s := generate(t, ours.Container{Kind: ours.Host, Name: "admin", Superpowered: true})
	if ns := namespacesOf(s); slices.Contains(ns, "network") || slices.Contains(ns, "pid") {
		t.Errorf("namespaces of its own: %q", ns)
	}
	if s.Linux.Seccomp != nil || s.Process.NoNewPrivileges || len(s.Linux.MaskedPaths) > 0 || len(s.Linux.ReadonlyPaths) > 0 {
		t.Error("it is held back")
	}
	if s.Linux.RootfsPropagation != "rshared" {
		t.Errorf("propagation %q", s.Linux.RootfsPropagation)
	}
	allowed := slices.ContainsFunc(s.Linux.Resources.Devices, func(d specs.LinuxDeviceCgroup) bool {
		return d.Allow && d.Access == "rwm" && d.Major == nil && d.Minor == nil
	})
	if !allowed {
		t.Errorf("devices %v", s.Linux.Resources.Devices)
	}
	for _, m := range s.Mounts {
		if m.Destination == "/sys/fs/cgroup" && !slices.Contains(m.Options, "rw") {
			t.Errorf("cgroups are mounted with %q", m.Options)
		}
	}
}

func TestBootstrapContainer(t *testing.T) {
	s := generate(t, ours.Container{Kind: ours.Bootstrap, Name: "disks"})
	for _, capability := range []string{"CAP_SYS_ADMIN", "CAP_NET_ADMIN", "CAP_SYS_CHROOT", "CAP_SYS_MODULE", "CAP_AUDIT_CONTROL"} {
		if !slices.Contains(s.Process.Capabilities.Effective, capability) {
			t.Errorf("no %s", capability)
		}
	}
	if s.Linux.Seccomp == nil {
		t.Fatal("no seccomp profile")
	}
	swap := slices.ContainsFunc(s.Linux.Seccomp.Syscalls, func(c specs.LinuxSyscall) bool {
		return slices.Contains(c.Names, "swapon") && c.Action == specs.ActAllow
	})
	if !swap {
		t.Error("swapon is not allowed")
	}
	if ns := namespacesOf(s); slices.Contains(ns, "pid") {
		t.Errorf("namespaces of its own: %q", ns)
	}
}

func TestProcessOfACommand(t *testing.T) {
	first := &specs.Process{Args: []string{"init"}, Env: []string{"PATH=/bin"}, Cwd: "/root", User: specs.User{UID: 7}}
	p := processOf(first, exec.Spec{Command: []string{"sh", "-l"}, TTY: true, Term: "vt100", Size: exec.Size{Rows: 24, Cols: 80}})
	want := &specs.Process{
		Terminal: true, ConsoleSize: &specs.Box{Height: 24, Width: 80}, User: specs.User{UID: 7},
		Args: []string{"sh", "-l"}, Env: []string{"PATH=/bin", "TERM=vt100"}, Cwd: "/root",
	}
	if diff := cmp.Diff(want, p); diff != "" {
		t.Errorf("with a terminal (-want +got):\n%s", diff)
	}
	p = processOf(first, exec.Spec{Command: []string{"ls"}})
	if p.Terminal || strings.Join(p.Env, " ") != "PATH=/bin" || len(first.Env) != 1 {
		t.Errorf("without a terminal: %+v", p)
	}
}

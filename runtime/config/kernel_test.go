package config

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kernel is a root with the kernel's files.
func kernel(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	put(t, root, kernelHostname, "slipway\n")
	put(t, root, kernelLockdown, "none [integrity] confidentiality\n")
	put(t, root, "/proc/sys/net/ipv4/ip_forward", "0\n")
	put(t, root, "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n")
	put(t, root, "/proc/sys/net/ipv4/conf/eth0.100/forwarding", "0\n")
	return root
}

func apply(t *testing.T, k Kernel) {
	t.Helper()
	if err := k.Apply(); err != nil {
		t.Error(err)
	}
}

func TestKernelHostname(t *testing.T) {
	long := strings.Repeat("a", 63)
	for _, tc := range []struct{ name, want string }{
		{"web-1\n", "web-1\n"},
		{"", "slipway\n"},
		{long + ".example.com\n", long + "\n"},
		{strings.Repeat("b", 64) + "\n", strings.Repeat("b", 64) + "\n"},
	} {
		root := kernel(t)
		put(t, root, hostnameFile, tc.name)
		apply(t, Kernel{Root: root})
		want(t, root, kernelHostname, tc.want)
	}
}

func TestKernelLockdown(t *testing.T) {
	for _, tc := range []struct{ now, set, want string }{
		{"[none] integrity confidentiality", "integrity", "integrity\n"},
		{"none [integrity] confidentiality", "confidentiality", "confidentiality\n"},
		{"none integrity [confidentiality]", "integrity", "none integrity [confidentiality]\n"},
		{"none [integrity] confidentiality", "integrity", "none [integrity] confidentiality\n"},
		{"none [integrity] confidentiality", "none", "none [integrity] confidentiality\n"},
	} {
		root := kernel(t)
		put(t, root, kernelLockdown, tc.now+"\n")
		put(t, root, lockdownFile, tc.set+"\n")
		apply(t, Kernel{Root: root})
		want(t, root, kernelLockdown, tc.want)
	}
	root := kernel(t)
	if err := os.Remove(filepath.Join(root, kernelLockdown)); err != nil {
		t.Fatal(err)
	}
	put(t, root, lockdownFile, "integrity\n")
	if err := (Kernel{Root: root}).Apply(); err == nil || !strings.Contains(err.Error(), "settings.kernel.lockdown: ") {
		t.Errorf("a kernel without lockdown: %v", err)
	}
	put(t, root, lockdownFile, "none\n")
	apply(t, Kernel{Root: root})
}

func TestKernelSysctl(t *testing.T) {
	root := kernel(t)
	k := Kernel{Root: root}
	put(t, root, sysctlFile, "# comment = 1\n-net.ipv4.ip_forward = 1\n-net/ipv4/conf/eth0.100/forwarding = 1\n-net.ipv4.tcp_rmem = 4096 131072 6291456\n")
	apply(t, k)
	want(t, root, "/proc/sys/net/ipv4/ip_forward", "1\n")
	want(t, root, "/proc/sys/net/ipv4/conf/eth0.100/forwarding", "1\n")
	want(t, root, "/proc/sys/net/ipv4/tcp_rmem", "4096\t131072\t6291456\n") // the same but for white space

	put(t, root, sysctlFile, "-net.ipv4.ip_forward = 2\n")
	apply(t, k)
	want(t, root, "/proc/sys/net/ipv4/ip_forward", "2\n")
	want(t, root, "/proc/sys/net/ipv4/conf/eth0.100/forwarding", "0\n")

	if err := os.Remove(filepath.Join(root, sysctlFile)); err != nil {
		t.Fatal(err)
	}
	apply(t, k)
	want(t, root, "/proc/sys/net/ipv4/ip_forward", "0\n")
	want(t, root, sysctlRecord, "{}")
}

func TestKernelSysctlThatIsMissing(t *testing.T) {
	root := kernel(t)
	put(t, root, sysctlFile, "-net.netfilter.nf_conntrack_max = 1\n-net.ipv4.ip_forward = 1\n")
	err := (Kernel{Root: root}).Apply()
	if err == nil || !strings.Contains(err.Error(), `settings.kernel.sysctl."net.netfilter.nf_conntrack_max": `) {
		t.Errorf("error %v, want one that names the key", err)
	}
	want(t, root, "/proc/sys/net/ipv4/ip_forward", "1\n")
	apply(t, Kernel{Root: root, Early: true})
}

func TestKernelSysctlStaysInItsFolder(t *testing.T) {
	root := kernel(t)
	put(t, root, "/etc/target", "safe")
	put(t, root, sysctlFile, "-../../etc/target = 1\n")
	if err := (Kernel{Root: root}).Apply(); err == nil {
		t.Error("a name that leads out of /proc/sys was taken")
	}
	want(t, root, "/etc/target", "safe")
}

func TestKernelDamagedRecord(t *testing.T) {
	root := kernel(t)
	put(t, root, sysctlRecord, "{")
	put(t, root, sysctlFile, "-net.ipv4.ip_forward = 1\n")
	if err := (Kernel{Root: root}).Apply(); err == nil {
		t.Error("a damaged record was passed over in silence")
	}
	want(t, root, "/proc/sys/net/ipv4/ip_forward", "1\n")
	apply(t, Kernel{Root: root})
}

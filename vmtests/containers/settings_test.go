package containers

import (
	"context"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
)

// effects are what settings do to a host: files that a superpowered container
// sees, by path. Below /proc/sys it sees the kernel's own.
type effects map[string]types.GomegaMatcher

const (
	swappiness = "/proc/sys/vm/swappiness"
	forwarding = "/proc/sys/net/ipv4/ip_forward"
	mirrorFile = "/etc/containerd/certs.d/registry.test/hosts.toml"
	mapCount   = "/proc/sys/vm/max_map_count"
)

// settled is how long units may take to follow a change.
const settled = 10 * time.Second

// settingsSpecs are about what settings do to the host, at boot and later.
func settingsSpecs(host *shared) {
	It("is as user data has it", func(ctx SpecContext) {
		expectEffects(ctx, host, effects{
			swappiness:                           Equal("37\n"),
			forwarding:                           Equal("1\n"),
			mapCount:                             Equal("262144\n"), // the image's
			"/etc/hostname":                      Equal("web-17\n"),
			"/etc/motd":                          Equal("by a bootstrap command\n"),
			"/etc/hosts":                         ContainSubstring("192.0.2.7 db db.example.com\n"),
			"/etc/chrony/chrony.conf":            Equal("pool 192.0.2.1 iburst\n"),
			"/etc/containerd/config.toml":        ContainSubstring("max_concurrent_downloads = 2\n"),
			"/etc/ssl/certs/ca-certificates.crt": ContainSubstring(string(host.images.ca)),
			mirrorFile: And(
				ContainSubstring(`server = "https://registry.test"`),
				ContainSubstring(`[host."http://`+guestAddress(host.images.open)+`"]`)),
			"/etc/systemd/resolved.conf.d/50-settings.conf": And(ContainSubstring("DNS=192.0.2.53\n"), ContainSubstring("Domains=example.com\n")),
			"/run/systemd/resolve/resolv.conf":              And(ContainSubstring("nameserver 192.0.2.53\n"), ContainSubstring("search example.com")),
		})
		By("in a container, whose hosts are the host's")
		Expect(host.inside.files(ctx, "plain", "/etc/hosts")["/etc/hosts"].Text).To(ContainSubstring("192.0.2.7 db db.example.com\n"))
	}, SpecTimeout(patience))

	It("becomes what the API makes of it", func(ctx SpecContext) {
		set(ctx, host.Machine, `{
			"motd": "by the API",
			"network": {"hostname": "web-18", "hosts": [["127.0.0.1", ["registry.test"]], ["192.0.2.8", ["cache"]]]},
			"dns": {"name-servers": ["192.0.2.54"]},
			"ntp": {"time-servers": ["192.0.2.2", "192.0.2.3"]},
			"kernel": {"sysctl": {"vm.swappiness": "11", "vm.max_map_count": "300000"}},
			"container-runtime": {"max-concurrent-downloads": 4}
		}`)
		expectEffects(ctx, host, effects{
			swappiness:                         Equal("11\n"),
			forwarding:                         Equal("1\n"),
			mapCount:                           Equal("300000\n"),
			"/etc/hostname":                    Equal("web-18\n"),
			"/etc/motd":                        Equal("by the API\n"),
			"/etc/hosts":                       And(ContainSubstring("192.0.2.8 cache\n"), Not(ContainSubstring("192.0.2.7"))),
			"/etc/chrony/chrony.conf":          Equal("pool 192.0.2.2 iburst\npool 192.0.2.3 iburst\n"),
			"/etc/containerd/config.toml":      ContainSubstring("max_concurrent_downloads = 4\n"),
			"/run/systemd/resolve/resolv.conf": And(ContainSubstring("nameserver 192.0.2.54\n"), Not(ContainSubstring("192.0.2.53"))),
		})
		expectGood(ctx, host.Machine)
	}, SpecTimeout(patience))

	It("goes back to the image's own where a setting is taken away", func(ctx SpecContext) {
		unset(ctx, host.Machine, "settings.kernel.sysctl", "settings.dns", "settings.network.hosts")
		expectEffects(ctx, host, effects{
			mapCount:     Equal("262144\n"),
			"/etc/hosts": Not(ContainSubstring("cache")),
		})
		files := host.inside.hostFiles(ctx, "super", "/etc/sysctl.d/90-settings.conf", "/etc/systemd/resolved.conf.d/50-settings.conf")
		Expect(files).To(HaveEach(HaveField("Error", ContainSubstring("no such file"))))
		set(ctx, host.Machine, `{"network":{"hosts":[["127.0.0.1",["registry.test"]]]}}`)
		expectGood(ctx, host.Machine)
	}, SpecTimeout(patience))
}

// expectEffects waits until the host is as it should be: some units take a
// moment after the change is answered.
func expectEffects(ctx context.Context, host *shared, want effects) {
	GinkgoHelper()
	var paths []string
	for path := range want {
		paths = append(paths, path)
	}
	Eventually(func(g Gomega) {
		files := host.inside.hostFiles(ctx, "super", paths...)
		for path, matcher := range want {
			g.Expect(files[path].Error).To(BeEmpty())
			g.Expect(files[path].Text).To(matcher, path)
		}
	}).WithContext(ctx).WithTimeout(lab.Accel.Patience(settled)).WithPolling(settled / 10).Should(Succeed())
}

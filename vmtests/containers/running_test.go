package containers

import (
	"context"
	"encoding/base64"
	"fmt"

	. "github.com/onsi/ginkgo/v2"

	"github.com/slipway-os/slipway/vmtests/machine"
)

// userData is that of the host that most specs share. Bootstrap containers and
// commands leave their marks in /mnt, which all of them see.
const userData = `
[settings]
motd = "from user data"

[settings.api]
virtio-serial = true

[settings.network]
hostname = "web-17"
# Nothing answers there: what a mirror does not have is nowhere.
hosts = [["127.0.0.1", ["registry.test"]], ["192.0.2.7", ["db", "db.example.com"]]]

[settings.dns]
name-servers = ["192.0.2.53"]
search-list = ["example.com"]

[settings.ntp]
time-servers = ["192.0.2.1"]

[settings.kernel.sysctl]
"vm.swappiness" = "37"
"net.ipv4.ip_forward" = "1"

[settings.container-runtime]
max-concurrent-downloads = 2

[settings.pki.test]
data = "%[3]s"
trusted = true

[[settings.container-registry.mirrors]]
registry = "registry.test"
endpoint = ["http://%[1]s"]

[settings.host-containers.plain]
enabled = true
source = "registry.test/tool:1"
command = ["/tool", "tunnel", "%[2]s"]
user-data = "aGVsbG8gcGxhaW4K"

[settings.host-containers.super]
enabled = true
superpowered = true
source = "registry.test/tool:1"

[settings.bootstrap-commands.10-motd]
commands = [["apiclient", "set", "motd=by a bootstrap command"]]
mode = "once"
essential = true

[settings.bootstrap-containers.10-off]
source = "registry.test/tool:1"
command = ["/tool", "append", "/.slipway/rootfs/mnt/order", "off "]
mode = "off"

[settings.bootstrap-containers.20-always]
source = "registry.test/tool:1"
command = ["/tool", "append", "/.bottlerocket/rootfs/mnt/order", "always "]
mode = "always"
essential = true

[settings.bootstrap-containers.30-once]
source = "registry.test/tool:1"
command = ["/tool", "append", "/.slipway/rootfs/mnt/order", "once "]
mode = "once"

[settings.bootstrap-containers.40-fails]
source = "registry.test/tool:1"
command = ["/tool", "exit", "7", "bootstrap container 40 says this\n"]
mode = "once"

[settings.bootstrap-containers.50-last]
source = "registry.test/tool:1"
command = ["/tool", "append", "/.slipway/rootfs/mnt/order", "last "]
mode = "always"
`

// A shared is the host that most specs share, with what is around it.
type shared struct {
	*machine.Machine
	images *store
	inside *inside
}

func newShared(ctx context.Context) *shared {
	GinkgoHelper()
	s := &shared{images: newStore(), inside: newInside()}
	s.Machine = newHost(ctx, machine.Options{Network: true, UserData: fmt.Sprintf(userData,
		guestAddress(s.images.open), fmt.Sprintf("%s:%d", network, s.inside.gate.Port()),
		base64.StdEncoding.EncodeToString(s.images.ca))})
	powerOn(ctx, s.Machine)
	s.inside.awaitRunning(ctx, "plain", "super")
	return s
}

// Booting and pulling take long, so these specs share one machine. They run in
// this order; the last ones restart it.
var _ = Describe("a host with containers", Ordered, ContinueOnFailure, func() {
	var host shared

	BeforeAll(func(ctx SpecContext) {
		host = *newShared(ctx)
	}, NodeTimeout(patience))

	bootSpecs(&host)
	hostContainerSpecs(&host)
	execSpecs(&host)
	settingsSpecs(&host)
	changeSpecs(&host)
	rebootSpecs(&host)
})

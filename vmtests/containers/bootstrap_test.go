package containers

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/machine"
)

const bootstrapUnit = "bootstrap-containers.service"

// bootSpecs are about what the boot itself has done.
func bootSpecs(host *shared) {
	It("is in good health with both containerds and says what memory they take", func(ctx SpecContext) {
		expectGood(ctx, host.Machine)
		bundle := support(ctx, host.Machine)
		Expect(bundle).To(HaveKey("units.txt"))
		for _, unit := range []string{"containerd", "host-containerd", "host-container@plain", "host-container@super"} {
			Expect(bundle["units.txt"]).To(MatchRegexp(`(?m)^\s*%s\.service\s+loaded\s+active\s+running`, regexp.QuoteMeta(unit)))
		}
		all := processes(bundle["processes.txt"])
		for _, name := range []string{"slipway", "containerd"} {
			Expect(all).To(ContainElement(And(HaveField("Name", name), HaveField("RSS", BeNumerically(">", 0)))))
		}
		AddReportEntry("Memory at idle", memory(ctx, host, all))
	}, SpecTimeout(patience))

	It("has pulled the image from the mirror, once", func(ctx SpecContext) {
		asked := host.images.requests()
		Expect(asked).To(ContainElement(HavePrefix("HEAD /v2/tool/manifests/1?ns=registry.test")))
		blobs := 0
		for _, r := range asked {
			if strings.HasPrefix(r, "GET /v2/tool/blobs/") {
				blobs++
			}
		}
		Expect(blobs).To(Equal(2), "configuration and layer, in %q", asked)
		Expect(journal(ctx, host.Machine, bootstrapUnit)).To(ContainElement(
			And(ContainSubstring("msg=pulled"), ContainSubstring("image=registry.test/tool:1"), ContainSubstring("digest=sha256:"))))
	}, SpecTimeout(patience))

	It("has run bootstrap commands and containers in order, each as its mode says", func(ctx SpecContext) {
		Expect(host.inside.hostFiles(ctx, "super", "/mnt/order")).To(HaveKeyWithValue("/mnt/order", HaveField("Text", "always once last ")))
		said := journal(ctx, host.Machine, bootstrapUnit)
		Expect(said).To(ContainElement("bootstrap container 40 says this"))
		Expect(said).To(ContainElement(And(
			ContainSubstring("bootstrap step failed"), ContainSubstring("settings.bootstrap-containers.40-fails"),
			ContainSubstring("container boot.40-fails ended with code 7"))))
		expectModes(ctx, host.Machine, map[string]string{
			"10-off": "off", "20-always": "always", "30-once": "off", "40-fails": "once", "50-last": "always",
		})
		Expect(read(ctx, host.Machine, "bootstrap-commands.10-motd.mode")).To(
			HaveKeyWithValue("bootstrap-commands", HaveKeyWithValue("10-motd", HaveKeyWithValue("mode", "off"))))
		Expect(read(ctx, host.Machine, "motd")).To(HaveKeyWithValue("motd", "by a bootstrap command"))
	}, SpecTimeout(patience))
}

// expectModes checks the modes of bootstrap containers.
func expectModes(ctx context.Context, host *machine.Machine, want map[string]string) {
	GinkgoHelper()
	tree, ok := read(ctx, host, "bootstrap-containers")["bootstrap-containers"].(map[string]any)
	Expect(ok).To(BeTrue())
	got := map[string]string{}
	for name, c := range tree {
		mode, _ := c.(map[string]any)["mode"].(string)
		got[name] = mode
	}
	Expect(got).To(Equal(want))
}

// rebootSpecs start the host anew, without its registry.
func rebootSpecs(host *shared) {
	It("starts with the images that it has when its registry is gone", func(ctx SpecContext) {
		host.images.open.Close()
		Expect(host.Reboot(ctx)).To(Succeed())
		host.inside.gate.Forget()
		Expect(awaitReady(ctx, host.Machine).Boot).To(BeEquivalentTo(2))
		host.inside.awaitRunning(ctx, "plain", "super")
		Expect(journal(ctx, host.Machine, "host-container@super.service")).To(ContainElement(And(
			ContainSubstring("using the copy that is here"), ContainSubstring("image=registry.test/tool:1"))))
		expectGood(ctx, host.Machine)
	}, SpecTimeout(patience))

	It("has run what runs always, and not again what ran once", func(ctx SpecContext) {
		files := host.inside.hostFiles(ctx, "super", "/mnt/order")
		Expect(files).To(HaveKeyWithValue("/mnt/order", HaveField("Text", "always once last always last ")))
		Expect(journal(ctx, host.Machine, bootstrapUnit)).To(ContainElement(And(
			ContainSubstring("bootstrap step failed"), ContainSubstring("40-fails"))), "once means until it succeeds")
		Expect(read(ctx, host.Machine, "motd")).NotTo(HaveKeyWithValue("motd", "by a bootstrap command"), "it was set anew since")
	}, SpecTimeout(patience))

	It("has kept what a container kept", func(ctx SpecContext) {
		Expect(host.inside.files(ctx, "plain", keptFile)).To(HaveKeyWithValue(keptFile, HaveField("Text", "kept")))
	}, SpecTimeout(patience))
}

const essentialData = machine.DoorOpen + `
[settings.network]
hosts = [["127.0.0.1", ["registry.test"]]]

[[settings.container-registry.mirrors]]
registry = "registry.test"
endpoint = ["http://%s"]

[settings.host-containers.way-in]
enabled = true
source = "registry.test/tool:1"

[settings.bootstrap-containers.10-fails]
source = "registry.test/tool:1"
command = ["/tool", "exit", "7"]
mode = "once"
essential = true

[settings.bootstrap-containers.20-after]
source = "registry.test/tool:1"
command = ["/tool", "exit", "0"]
mode = "always"
`

var _ = Describe("a bootstrap container that is essential", func() {
	It("stops the boot from being good if it fails, and the operator gets in", func(ctx SpecContext) {
		images := newStore()
		host := newHost(ctx, machine.Options{
			Network: true, UserData: fmt.Sprintf(essentialData, guestAddress(images.open)),
			Expected: []console.Trouble{console.Unit, console.Boot},
		})
		Expect(host.PowerOn(ctx)).To(Succeed())
		for _, want := range []string{
			`^slipway: essential bootstrap step failed: settings\.bootstrap-containers\.10-fails: container boot\.10-fails ended with code 7$`,
			`^slipway: boot is not good: .*bootstrap-containers\.service`,
		} {
			_, err := host.AwaitLine(ctx, 90*time.Second, regexp.MustCompile(want))
			Expect(err).NotTo(HaveOccurred())
		}
		eventually(ctx, host.API.Health).Should(And(
			HaveField("Status", api.Degraded), HaveField("FailedUnits", ConsistOf(bootstrapUnit, "slipway-health.service"))))

		By("not going on to the next")
		Expect(journal(ctx, host, bootstrapUnit)).NotTo(ContainElement(ContainSubstring("20-after")))
		expectModes(ctx, host, map[string]string{"10-fails": "once", "20-after": "always"})
		By("running host containers all the same")
		eventually(ctx, func(ctx context.Context) []string {
			return journal(ctx, host, "host-container@way-in.service")
		}).Should(ContainElement("as the image has it"))
	}, SpecTimeout(patience))
})

package update

import (
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// tries is how often a version is booted that is not good.
const tries = 3

var fellBack = regexp.MustCompile(`^slipway: fell back: version 0\.1\.2 failed: .*fails\.service`)

var _ = Describe("a version whose boots are not good", func() {
	It("is left after three tries, with the reason, and not taken again", func(ctx SpecContext) {
		host := boot(ctx, newRepository(), "", machine.Options{Expected: []console.Trouble{console.Unit, console.Boot}})
		Expect(check(ctx, host).ChosenUpdate).To(HaveField("Version", broken))
		set(ctx, host, `{"motd":"set before the update"}`)
		stage(ctx, host)
		give(ctx, host, api.PathActivateUpdate)
		Expect(host.Reboot(ctx)).To(Succeed())

		By("coming back to the version before")
		// Each try lasts a minute at least.
		_, err := host.AwaitLine(ctx, tries*90*time.Second, fellBack)
		Expect(err).NotTo(HaveOccurred())
		for range tries {
			Expect(host.AwaitReset(ctx)).To(Succeed())
		}
		ready, err := host.AwaitReady(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(ready).To(And(HaveField("Version", now), HaveField("Slot", "A"), HaveField("Boot", BeEquivalentTo(2+tries))))

		By("saying why")
		s := settled(ctx, host)
		why := And(HaveField("Version", broken), HaveField("Reason", And(ContainSubstring("tried 3 times"), ContainSubstring("units: failed: fails.service"))))
		Expect(s.Fallback).To(why)
		Expect(s.Failed).To(ConsistOf(why))
		Expect(motd(ctx, host)).To(Equal("set before the update"))

		By("taking another version rather than this one")
		s = check(ctx, host)
		Expect(s.ChosenUpdate).To(HaveField("Version", next))
		Expect(s.Held).To(ContainElement(And(HaveField("Version", broken), HaveField("Reason", "failed-here"))))
	}, SpecTimeout(patience))
})

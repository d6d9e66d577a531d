package boot

import (
	"fmt"
	"os"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	. "github.com/onsi/gomega/gstruct"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/evidence"
	"github.com/slipway-os/slipway/vmtests/guest"
	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// These specs only read, so they share one machine.
var _ = Describe("a host that has booted", Ordered, func() {
	var (
		host     *machine.Machine
		ready    machine.Ready
		apiAfter time.Duration
	)

	BeforeAll(func(ctx SpecContext) {
		host = lab.Machine(ctx, machine.Options{UserData: machine.DoorOpen})
		Expect(host.PowerOn(ctx)).To(Succeed())
		var err error
		_, apiAfter, err = host.AwaitAPI(ctx)
		Expect(err).NotTo(HaveOccurred())
		ready, err = host.AwaitReady(ctx)
		Expect(err).NotTo(HaveOccurred())
	}, NodeTimeout(patience))

	It("says that it is ready and is in good health", func(ctx SpecContext) {
		AddReportEntry("Boot times", fmt.Sprintf("API after %.1f s, ready after %.1f s, accelerator %s",
			apiAfter.Seconds(), ready.After.Seconds(), lab.Accel))
		Expect(ready).To(MatchFields(IgnoreExtras, Fields{
			"Variant": Not(BeEmpty()), "Slot": Equal("A"), "Boot": BeEquivalentTo(1),
		}))
		health, err := host.API.Health(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(health.Status).To(Equal(api.Good), "checks: %+v", health.Checks)
		Expect(health.FailedUnits).To(BeEmpty())
		Expect(health.Checks).NotTo(BeEmpty())
		Expect(health.Checks).To(HaveEach(HaveField("OK", BeTrue())))
	}, SpecTimeout(patience))

	It("says what it is", func(ctx SpecContext) {
		facts, err := image.ReadFacts(lab.Artifacts)
		Expect(err).NotTo(HaveOccurred())
		Expect(facts.Version).To(Equal(ready.Version))
		got, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(got).To(MatchFields(IgnoreExtras, Fields{
			"Name":       Equal("Slipway"),
			"PrettyName": ContainSubstring(ready.Version),
			"VariantID":  Equal(ready.Variant),
			"VersionID":  Equal(ready.Version),
			"BuildID":    Not(BeEmpty()),
			"Arch":       Equal(facts.Arch),
			"Kernel":     MatchRegexp(`^\d+\.\d+\.\d+`),
			"Slot":       Equal("A"),
			"RootHash":   Equal(facts.RootHash),
			"Boot": MatchFields(IgnoreExtras, Fields{
				"ID":            MatchRegexp(`^[0-9a-f-]{32,36}$`),
				"Count":         BeEquivalentTo(1),
				"FirstBoot":     BeTemporally("~", time.Now(), time.Hour),
				"UptimeSeconds": And(BeNumerically(">", 0), BeNumerically("<", patience.Seconds())),
			}),
		}))
	}, SpecTimeout(patience))

	It("runs on a root that is read-only and verified", func(ctx SpecContext) {
		got, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(got.Root).To(MatchAllFields(Fields{
			"Device": Equal("/dev/dm-0"), "FSType": Equal("erofs"), "ReadOnly": BeTrue(), "Verity": Equal("verified"),
		}))
	}, SpecTimeout(patience))

	It("keeps console and journal as evidence", func(ctx SpecContext) {
		raw, err := host.API.Journal(ctx, 0)
		Expect(err).NotTo(HaveOccurred())
		entries, err := guest.ParseJournal(raw)
		Expect(err).NotTo(HaveOccurred())
		Expect(entries).To(ContainElements(
			And(HaveField("Transport", "kernel"), HaveField("Message", HavePrefix("Linux version "))),
			And(HaveField("Identifier", "systemd"), HaveField("Message", ContainSubstring("Reached target"))),
		))

		folder, err := evidence.Open(GinkgoT().TempDir(), "evidence")
		Expect(err).NotTo(HaveOccurred())
		Expect(host.Collect(ctx, folder, true)).To(Succeed())
		Expect(folder.Missing("console.log", "journal.json", "timeline.txt", "qemu.txt", "registers.txt", "screen.png")).To(BeEmpty())
		Expect(os.ReadFile(folder.Path("console.log"))).To(ContainSubstring("slipway: ready "))
		Expect(os.ReadFile(folder.Path("timeline.txt"))).To(ContainSubstring("power on"))
	}, SpecTimeout(patience))
})

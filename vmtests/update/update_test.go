package update

import (
	"fmt"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// These specs share one machine, which goes to the next version and back.
var _ = Describe("a host", Ordered, func() {
	var (
		repo   *repository
		host   *machine.Machine
		before api.OS
	)

	BeforeAll(func(ctx SpecContext) {
		repo = newRepository()
		host = boot(ctx, repo, fmt.Sprintf("version-lock = %q\n", next), machine.Options{})
		set(ctx, host, `{"motd":"set before the update"}`)
		var err error
		before, err = host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(before.Slot).To(Equal("A"))
	}, NodeTimeout(patience))

	It("finds the next version that its settings let it take", func(ctx SpecContext) {
		s := check(ctx, host)
		Expect(s.UpdateState).To(Equal(api.UpdateAvailable))
		Expect(s.AvailableUpdates).To(Equal([]string{broken, next}))
		Expect(s.ChosenUpdate).To(HaveField("Version", next))
		Expect(s.Held).To(ContainElement(And(HaveField("Version", broken), HaveField("Reason", "locked"))))
		Expect(written(ctx, host, "ROOT-B")).To(BeZero())
	}, SpecTimeout(patience))

	It("writes it into the other slot, and takes the blocks that it has from its own", func(ctx SpecContext) {
		repo.tamper("")
		s := stage(ctx, host)
		Expect(s.StagingPartition).To(And(HaveField("Slot", "B"), HaveField("Image.Version", next), HaveField("NextToBoot", BeFalse())))
		Expect(s.ActivePartition).To(And(HaveField("Slot", "A"), HaveField("Image.Version", now), HaveField("NextToBoot", BeTrue())))
		Expect(written(ctx, host, "ROOT-B")).To(BeNumerically(">", 1<<20), "the measure of what is written")
		Expect(repo.requests()).NotTo(ContainElement(HaveSuffix(".root.erofs")), "the whole image")
	}, SpecTimeout(patience))

	It("comes up on it, commits it, and has kept state and settings", func(ctx SpecContext) {
		give(ctx, host, api.PathActivateUpdate)
		s := status(ctx, host)
		Expect(s.UpdateState).To(Equal(api.UpdateReady))
		Expect(s.StagingPartition.NextToBoot).To(BeTrue())

		ready := restart(ctx, host)
		Expect(ready).To(And(HaveField("Version", next), HaveField("Slot", "B"), HaveField("Boot", BeEquivalentTo(2))))
		after, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.VersionID).To(Equal(next))
		Expect(after.Root.Verity).To(Equal("verified"))
		Expect(after.RootHash).NotTo(Equal(before.RootHash))
		Expect(after.Boot.FirstBoot).To(BeTemporally("==", before.Boot.FirstBoot))
		Expect(motd(ctx, host)).To(Equal("set before the update"))
		s = check(ctx, host)
		Expect(s.UpdateState).To(Equal(api.UpdateIdle))
		Expect(s.Failed).To(BeEmpty())
		Expect(s.Fallback).To(BeNil())
		Expect(s.Rollback).To(HaveField("Version", now))
	}, SpecTimeout(patience))

	It("goes back by command, and is not offered what it left", func(ctx SpecContext) {
		give(ctx, host, api.PathRollback)
		ready := restart(ctx, host)
		Expect(ready).To(And(HaveField("Version", now), HaveField("Slot", "A"), HaveField("Boot", BeEquivalentTo(3))))
		after, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.RootHash).To(Equal(before.RootHash))
		Expect(motd(ctx, host)).To(Equal("set before the update"))
		s := check(ctx, host)
		Expect(s.ChosenUpdate).To(BeNil())
		Expect(s.Failed).To(ConsistOf(And(HaveField("Version", next), HaveField("Reason", ContainSubstring("rolled back by command")))))
		Expect(s.Held).To(ContainElement(And(HaveField("Version", next), HaveField("Reason", "failed-here"))))
	}, SpecTimeout(patience))
})

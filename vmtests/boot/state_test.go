package boot

import (
	"os"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/suite"
)

const mib = 1 << 20

var _ = Describe("STATE", func() {
	It("fills the disk and lives through a reboot", func(ctx SpecContext) {
		built, err := image.FindPartition(ctx, lab.Image, "STATE")
		Expect(err).NotTo(HaveOccurred())
		disk := imageSize() + 3072*mib
		host, _ := lab.Boot(ctx, machine.Options{UserData: machine.DoorOpen, DiskSize: disk})

		before, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(before.State.FSType).To(Equal("ext4"))
		room := disk - built.Start
		Expect(before.State.SizeBytes).To(And(
			BeNumerically(">", float64(room)*0.85), // the rest is the file system's own
			BeNumerically("<=", room)), "STATE was made with %d MiB and has room for %d MiB", built.Size/mib, room/mib)
		Expect(before.State.AvailableBytes).To(And(BeNumerically(">", 0), BeNumerically("<", before.State.SizeBytes)))

		Expect(host.Reboot(ctx)).To(Succeed())
		ready, err := host.AwaitReady(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(ready.Boot).To(BeEquivalentTo(2))
		after, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		expectLaterBoot(before, after, 2)
		Expect(after.State.SizeBytes).To(Equal(before.State.SizeBytes))
		previous, err := host.API.Journal(ctx, -1)
		Expect(err).NotTo(HaveOccurred(), "the journal of the boot before")
		Expect(previous).To(ContainSubstring(strings.ReplaceAll(before.Boot.ID, "-", "")))
	}, SpecTimeout(patience))

	It("grows again when the disk does", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{UserData: machine.DoorOpen, DiskSize: imageSize() + 1024*mib})
		before, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		host.PowerCut()
		Expect(host.Disk.Resize(ctx, imageSize()+2048*mib)).To(Succeed())
		suite.PowerOn(ctx, host)
		after, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(after.State.SizeBytes).To(BeNumerically(">", before.State.SizeBytes+800*mib))
		expectLaterBoot(before, after, 2)
	}, SpecTimeout(patience))

	It("lives through a power cut", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{UserData: machine.DoorOpen})
		before, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		for boot := uint64(2); boot <= 3; boot++ {
			host.PowerCut()
			ready := suite.PowerOn(ctx, host)
			Expect(ready.Boot).To(Equal(boot))
			after, err := host.API.OS(ctx)
			Expect(err).NotTo(HaveOccurred())
			expectLaterBoot(before, after, boot)
			health, err := host.API.Health(ctx)
			Expect(err).NotTo(HaveOccurred())
			Expect(health.Status).To(Equal(api.Good), "checks: %+v", health.Checks)
		}
	}, SpecTimeout(patience))
})

// expectLaterBoot checks that b is the same host as a, count boots on.
func expectLaterBoot(a, b api.OS, count uint64) {
	GinkgoHelper()
	Expect(b.Boot.Count).To(Equal(count))
	Expect(b.Boot.FirstBoot).To(BeTemporally("==", a.Boot.FirstBoot))
	Expect(b.Boot.ID).NotTo(Equal(a.Boot.ID))
	Expect(b.RootHash).To(Equal(a.RootHash))
}

func imageSize() int64 {
	GinkgoHelper()
	info, err := os.Stat(lab.Image)
	Expect(err).NotTo(HaveOccurred())
	return info.Size()
}

package update

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/suite"
)

var _ = Describe("a host whose power is cut", func() {
	It("comes up on the old version or the new one, whenever that is and whatever was in the other slot", func(ctx SpecContext) {
		seed := GinkgoRandomSeed()
		AddReportEntry("Seed", fmt.Sprintf("the same moments: --test_arg=-ginkgo.seed=%d", seed))
		random := rand.New(rand.NewPCG(uint64(seed), 0))
		// cut waits for a random time below most, and cuts.
		cut := func(host *machine.Machine, most time.Duration) {
			wait := time.Duration(random.Int64N(int64(lab.Accel.Patience(most))))
			host.Timeline.Add("the power is cut in %v", wait)
			time.Sleep(wait)
			host.PowerCut()
		}
		host := boot(ctx, newRepository(), fmt.Sprintf("version-lock = %q\n", next), machine.Options{}, func(host *machine.Machine) {
			litter(ctx, host, "ROOT-B")
			litter(ctx, host, "HASH-B")
		})
		set(ctx, host, `{"motd":"set before the update"}`)
		check(ctx, host)

		By("cutting while the other slot is written")
		give(ctx, host, api.PathPrepareUpdate)
		cut(host, 2*time.Second)
		Expect(suite.PowerOn(ctx, host).Version).To(Equal(now))
		settled(ctx, host)
		stage(ctx, host)

		By("cutting while it is put on trial")
		go func() { // there may be no answer
			_, _ = host.API.Send(ctx, http.MethodPost, api.PathActivateUpdate, "")
		}()
		cut(host, 200*time.Millisecond)

		By("cutting while the new version boots first, if it is on trial by then")
		Expect(host.PowerOn(ctx)).To(Succeed())
		cut(host, 6*time.Second)
		Expect(suite.PowerOn(ctx, host).Version).To(BeElementOf(now, next))
		settled(ctx, host)
		Expect(motd(ctx, host)).To(Equal("set before the update"))
	}, SpecTimeout(patience))
})

// litter fills a partition, or what an image needs of it, with garbage. The
// machine is off.
func litter(ctx context.Context, host *machine.Machine, label string) {
	GinkgoHelper()
	p, err := image.FindPartition(ctx, lab.Image, label)
	Expect(err).NotTo(HaveOccurred())
	write := fmt.Sprintf("write -q -P 0xa5 %d %d", p.Start, min(p.Size, 96<<20))
	out, err := exec.CommandContext(ctx, "qemu-io", "-f", host.Disk.Format, "-c", write, host.Disk.Path).CombinedOutput()
	Expect(err).NotTo(HaveOccurred(), "%s", out)
}

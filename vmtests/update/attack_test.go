package update

import (
	"context"
	"encoding/json"
	"os/exec"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/machine"
)

var _ = Describe("a repository with a file that nobody signed", Ordered, func() {
	var (
		repo *repository
		host *machine.Machine
	)

	BeforeAll(func(ctx SpecContext) {
		repo = newRepository()
		host = boot(ctx, repo, "", machine.Options{})
		check(ctx, host) // it is there, and in order
	}, NodeTimeout(patience))

	DescribeTable("is refused by name, and nothing is written",
		func(ctx SpecContext, file, path, kind, cause string) {
			before := status(ctx, host)
			repo.tamper(file)
			problem := command(ctx, host, path, kind)
			Expect(problem).To(MatchRegexp(cause))
			Expect(repo.requests()).To(ContainElement(ContainSubstring(file)))
			repo.tamper("")

			after := status(ctx, host)
			Expect(after.UpdateState).To(Equal(before.UpdateState))
			Expect(after.StagingPartition).To(BeNil())
			Expect(after.ActivePartition).To(HaveField("NextToBoot", BeTrue()))
			for _, label := range []string{"ROOT-B", "HASH-B"} {
				Expect(written(ctx, host, label)).To(BeZero(), "bytes written in %s", label)
			}
		},
		Entry("metadata", "timestamp.json", api.PathRefreshUpdates, api.UpdateRefresh, `looking at the repository: reading metadata .*timestamp`, SpecTimeout(patience)),
		Entry("the index", "root.index", api.PathPrepareUpdate, api.UpdatePrepare, `fetching root\.index: its bytes are not those that were signed`, SpecTimeout(patience)),
		Entry("the boot image", ".uki.", api.PathPrepareUpdate, api.UpdatePrepare, `fetching uki\.efi: its bytes are not those that were signed`, SpecTimeout(patience)),
	)
})

// written is how many bytes of a partition the machine has written since it was
// made, counted by the clusters of its disk, as far as they were flushed.
func written(ctx context.Context, host *machine.Machine, label string) int64 {
	GinkgoHelper()
	p, err := image.FindPartition(ctx, lab.Image, label)
	Expect(err).NotTo(HaveOccurred())
	out, err := exec.CommandContext(ctx, "qemu-img", "map", "--force-share", "-f", host.Disk.Format, "--output=json", host.Disk.Path).Output()
	Expect(err).NotTo(HaveOccurred())
	var extents []struct {
		Start, Length int64
		Depth         int // 0: in the machine's own file, else below it
	}
	Expect(json.Unmarshal(out, &extents)).To(Succeed())
	var sum int64
	for _, e := range extents {
		if e.Depth == 0 {
			sum += max(0, min(e.Start+e.Length, p.Start+p.Size)-max(e.Start, p.Start))
		}
	}
	return sum
}

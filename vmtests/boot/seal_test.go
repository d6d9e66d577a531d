package boot

import (
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/guest"
	"github.com/slipway-os/slipway/vmtests/image"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// writer is a unit whose output is appended to a file. The image has no shell,
// so systemd itself does the writing; 209 is its EXIT_STDOUT (systemd.exec(5)).
func writer(file string) string {
	return "[Unit]\nDescription=Write to " + file + "\nRequiresMountsFor=" + filepath.Dir(file) + `
[Service]
Type=oneshot
ExecStart=/usr/bin/slipway --help
StandardOutput=append:` + file + `
SuccessExitStatus=209
`
}

var _ = Describe("the root file system", func() {
	It("takes no write", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{
			UserData: machine.DoorOpen,
			Credentials: map[string]string{
				"systemd.extra-unit.write-root.service":  writer("/usr/written"),
				"systemd.extra-unit.write-state.service": writer("/var/written"),
				"systemd.unit-dropin.multi-user.target":  "[Unit]\nWants=write-root.service write-state.service\nAfter=write-root.service write-state.service\n",
			},
		})
		raw, err := host.API.Journal(ctx, 0)
		Expect(err).NotTo(HaveOccurred())
		entries, err := guest.ParseJournal(raw)
		Expect(err).NotTo(HaveOccurred())
		By("writing to STATE, which shows that the unit would write")
		Expect(entries).To(ContainElement(about("write-state.service", "Finished ")))
		Expect(entries).NotTo(ContainElement(about("write-state.service", "Failed to set up standard output")))
		By("writing to the root")
		Expect(entries).To(ContainElement(about("write-root.service", "Failed to set up standard output: Read-only file system")))
		Expect(entries).To(ContainElement(about("write-root.service", "Failed at step STDOUT")))
	}, SpecTimeout(patience))

	DescribeTable("is not run if one byte of it changed", func(ctx SpecContext, offset func(SpecContext) int64) {
		root, err := image.FindPartition(ctx, lab.Image, "ROOT-A")
		Expect(err).NotTo(HaveOccurred())
		host := lab.Machine(ctx, machine.Options{
			UserData: machine.DoorOpen,
			Expected: []console.Trouble{console.Corruption, console.Filesystem},
		})
		Expect(host.Flip(ctx, lab.Image, root.Start+offset(ctx))).To(Succeed())
		Expect(host.PowerOn(ctx)).To(Succeed())
		for _, boot := range []string{"first", "second"} {
			By("catching it at the " + boot + " boot")
			_, err := host.AwaitLine(ctx, 30*time.Second, console.Corruption.Pattern())
			Expect(err).NotTo(HaveOccurred())
			Expect(host.AwaitReset(ctx)).To(Succeed())
		}
		for _, line := range host.Console.Lines(0) {
			Expect(line.Text).NotTo(ContainSubstring("slipway: ready"))
		}
	},
		Entry("in the superblock", func(SpecContext) int64 { return 1024 }, SpecTimeout(patience)), // EROFS_SUPER_OFFSET
		Entry("in the data of a file", func(ctx SpecContext) int64 {
			offset, err := image.FileData(ctx, filepath.Join(lab.Artifacts, "root.erofs"), "/usr/lib/systemd/systemd")
			Expect(err).NotTo(HaveOccurred())
			return offset + 100
		}, SpecTimeout(patience)),
	)
})

// about matches an entry of the journal that concerns a unit and has a text.
func about(unit, text string) OmegaMatcher {
	return And(HaveField("Unit", unit), HaveField("Message", ContainSubstring(text)))
}

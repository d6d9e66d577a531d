package boot

import (
	"context"
	"regexp"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/vmtests/machine"
)

// silence is how long a host that is ready is given to say something at a door
// that should be shut.
const silence = 3 * time.Second

var _ = Describe("user data", func() {
	It("that is wrong does not stop the boot and is named by key and line", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{UserData: "[settings.api]\nvirtio-serial = true\nvirtio-cereal = true\n"})
		_, err := host.AwaitLine(ctx, 10*time.Second,
			regexp.MustCompile(`^slipway: degraded: user-data: line 3: settings\.api\.virtio-cereal: `))
		Expect(err).NotTo(HaveOccurred())
		By("falling back to the defaults as a whole")
		expectShutDoor(ctx, host)
	}, SpecTimeout(patience))

	It("that is absent leaves the API door shut", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{})
		expectShutDoor(ctx, host)
	}, SpecTimeout(patience))
})

// expectShutDoor knocks at the door of a host that is ready.
func expectShutDoor(ctx context.Context, host *machine.Machine) {
	GinkgoHelper()
	knock, cancel := context.WithTimeout(ctx, silence)
	defer cancel()
	_, err := host.API.OS(knock)
	Expect(err).To(MatchError(context.DeadlineExceeded), "the door answered or is broken")
	Expect(host.Monitor().DoorOpen()).To(BeFalse(), "the guest opened the port")
}

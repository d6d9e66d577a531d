package settings

import (
	"net/http"
	"os"
	"path/filepath"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/suite"
)

const storeFile = "/lib/slipway/settings/settings.json" // in STATE

var _ = Describe("a host in trouble", func() {
	It("answers and keeps its settings on a STATE that is full", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{
			UserData: machine.DoorOpen, DiskSize: 1 << 30,
			Credentials: map[string]string{"journal.storage": "volatile"}, // else journald would make room
		})
		set(ctx, host, `{"motd":"before"}`)
		Expect(host.ShutDown(ctx)).To(Succeed())
		Expect(host.FillState(ctx)).To(Succeed())

		suite.PowerOn(ctx, host)
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "before"))
		patch(ctx, host, "test", `{"motd":"after"}`)
		_, err := host.API.Send(ctx, http.MethodPost, api.PathTxCommitAndApply+"?tx=test", "")
		p := refusal(err, http.StatusInsufficientStorage)
		Expect(p.Detail).To(ContainSubstring("no space left on device"))
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "before"))
	}, SpecTimeout(patience))

	It("takes the last snapshot where the store is damaged, and keeps the damaged file", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{UserData: machine.DoorOpen})
		set(ctx, host, `{"motd":"in the snapshot"}`)
		Expect(host.ShutDown(ctx)).To(Succeed())
		garbage := filepath.Join(GinkgoT().TempDir(), "garbage")
		Expect(os.WriteFile(garbage, []byte("{\"format\":1}\n\x00\xff"), 0o600)).To(Succeed())
		Expect(host.EditState(ctx, "rm "+storeFile, "write "+garbage+" "+storeFile)).To(Succeed())

		suite.PowerOn(ctx, host)
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "in the snapshot"))
		c := check(ctx, host, "settings")
		Expect(c.OK).To(BeFalse())
		Expect(c.Message).To(ContainSubstring("settings.json.bad-"))
	}, SpecTimeout(patience))

	It("boots with a clock of 1970", func(ctx SpecContext) {
		host, _ := lab.Boot(ctx, machine.Options{UserData: machine.DoorOpen, Clock: time.Unix(0, 0)})
		h, err := host.API.Health(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(h.Status).To(Equal(api.Good), "checks: %+v", h.Checks)
		set(ctx, host, `{"motd":"1970"}`)
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "1970"))
	}, SpecTimeout(patience))
})

package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/gbytes"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/containers/exec"
	"github.com/slipway-os/slipway/vmtests/containers/tool"
)

// keptFile is in the folder that a host container has on STATE.
const keptFile = "/.bottlerocket/host-containers/current/kept"

// hostContainerSpecs are about what a host container sees.
func hostContainerSpecs(host *shared) {
	It("shows the host to the superpowered container alone", func(ctx SpecContext) {
		release := rootfs + "/usr/lib/os-release"
		paths := []string{release, "/.bottlerocket/rootfs/usr/lib/os-release", "/dev/vda", "/etc/slipway-release", "/lib/modules"}
		super, plain := host.inside.files(ctx, "super", paths...), host.inside.files(ctx, "plain", paths...)
		Expect(super[release].Text).To(ContainSubstring(`ID="slipway"`))
		Expect(super["/.bottlerocket/rootfs/usr/lib/os-release"]).To(Equal(super[release]))
		Expect(super["/dev/vda"].Text).To(Equal(tool.Device))
		Expect(super["/lib/modules"].Error).To(BeEmpty())
		for _, path := range []string{release, "/.bottlerocket/rootfs/usr/lib/os-release", "/dev/vda", "/lib/modules"} {
			Expect(plain[path].Error).To(ContainSubstring("no such file"), path)
		}
		Expect(plain["/etc/slipway-release"].Text).To(ContainSubstring(`ID="slipway"`))

		By("its processes")
		Expect(host.inside.files(ctx, "super", "/proc/1/comm")).To(HaveKeyWithValue("/proc/1/comm", HaveField("Text", "systemd\n")))
		Expect(host.inside.files(ctx, "plain", "/proc/1/comm")).To(HaveKeyWithValue("/proc/1/comm", HaveField("Text", "tool\n")))
	}, SpecTimeout(patience))

	It("lets a container go before the host's own programs where memory runs out", func(ctx SpecContext) {
		for _, container := range []string{"super", "plain"} {
			files := host.inside.files(ctx, container, "/proc/self/oom_score_adj", "/proc/1/oom_score_adj")
			Expect(files).To(HaveEach(HaveField("Text", "0\n")), container)
		}
	}, SpecTimeout(patience))

	It("keeps the image read-only and lets STATE be written", func(ctx SpecContext) {
		refused := host.inside.run(ctx, "super", tool.Path, "append", rootfs+"/usr/written", "x")
		Expect(refused.Code).To(Equal(1))
		Expect(refused.Err).To(ContainSubstring("read-only file system"))
		host.inside.tool(ctx, "super", "append", rootfs+"/var/written", "x")
		Expect(host.inside.files(ctx, "super", rootfs+"/var/written")).To(HaveKeyWithValue(rootfs+"/var/written", HaveField("Text", "x")))
	}, SpecTimeout(patience))

	It("gives a container its user data and a folder of its own", func(ctx SpecContext) {
		ours, theirs := "/.slipway/host-containers/plain/user-data", "/.bottlerocket/host-containers/current/user-data"
		files := host.inside.files(ctx, "plain", ours, theirs, "/.slipway/host-containers/super")
		Expect(files[ours].Text).To(Equal("hello plain\n"))
		Expect(files[theirs].Text).To(Equal("hello plain\n"))
		Expect(files["/.slipway/host-containers/super"].Error).To(ContainSubstring("no such file"))
		host.inside.tool(ctx, "plain", "append", keptFile, "kept")
	}, SpecTimeout(patience))

	It("has the API and apiclient in a container", func(ctx SpecContext) {
		got := host.inside.run(ctx, "plain", "apiclient", "raw", "-u", "/os")
		Expect(got).To(HaveField("Code", 0))
		var os api.OS
		Expect(json.Unmarshal([]byte(got.Out), &os)).To(Succeed(), got.Out)
		want, err := host.API.OS(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(os.Boot.ID).To(Equal(want.Boot.ID))

		By("commands in another container, from there")
		got = host.inside.run(ctx, "plain", "apiclient", "exec", "-T", "super", tool.Path, "exit", "9", "out", "err")
		Expect(got).To(Equal(outcome{9, "out", "err"}))
	}, SpecTimeout(patience))
}

// changeSpecs change the settings of containers while the host runs.
func changeSpecs(host *shared) {
	It("stops and starts a container with its setting", func(ctx SpecContext) {
		set(ctx, host.Machine, `{"host-containers":{"super":{"enabled":false}}}`)
		eventually(ctx, func(ctx context.Context) (bool, error) { return host.inside.runs(ctx, "super") }).Should(BeFalse())
		Expect(host.inside.runs(ctx, "plain")).To(BeTrue())
		Expect(journal(ctx, host.Machine, "host-container@super.service")).To(ContainElement(And(
			ContainSubstring("container stopped"), ContainSubstring("code=0"))), "it ended by itself after SIGTERM")

		By("with another command")
		set(ctx, host.Machine, `{"host-containers":{"super":{"enabled":true,"command":["/tool","stay","with","a","new","command"]}}}`)
		host.inside.awaitRunning(ctx, "super")
		Expect(journal(ctx, host.Machine, "host-container@super.service")).To(ContainElement("with a new command"))
	}, SpecTimeout(patience))

	It("runs a container again that has ended", func(ctx SpecContext) {
		set(ctx, host.Machine, `{"host-containers":{"short":{"enabled":true,"source":"registry.test/tool:1","command":["/tool","exit","7","short "]}}}`)
		eventually(ctx, func(ctx context.Context) int {
			return strings.Count(strings.Join(journal(ctx, host.Machine, "host-container@short.service"), "\n"), "container short ended with code 7")
		}).Should(BeNumerically(">=", 2))
		set(ctx, host.Machine, `{"host-containers":{"short":{"enabled":false}}}`)
		expectGood(ctx, host.Machine)
	}, SpecTimeout(patience))

	It("starts the admin container for whoever wants to enter it", func(ctx SpecContext) {
		set(ctx, host.Machine, `{"host-containers":{"admin":{"source":"registry.test/tool:1"}}}`)
		got := host.inside.run(ctx, "plain", "apiclient", "enter-admin-container")
		Expect(got.Code).To(BeZero(), "%+v", got)
		Expect(got.Out).To(HavePrefix("shell: "))
		Expect(host.inside.files(ctx, "admin", rootfs+"/usr/lib/os-release")).To(HaveEach(HaveField("Error", BeEmpty())), "it is superpowered")
		Expect(host.inside.run(ctx, "plain", "apiclient", "disable-admin-container")).To(HaveField("Code", 0))
		eventually(ctx, func(ctx context.Context) (bool, error) { return host.inside.runs(ctx, "admin") }).Should(BeFalse())
	}, SpecTimeout(patience))

	It("lets containers and commands live on when their containerd is killed", func(ctx SpecContext) {
		host.inside.tool(ctx, "plain", "append", "/mark", "the same")
		t := start(ctx, host.inside, exec.Request{Container: "plain", Command: []string{tool.Path, "await"}}, exec.Size{})
		eventually(ctx, t.out).Should(gbytes.Say("ready\n"))
		Expect(host.inside.tool(ctx, "super", "kill", "host-containerd.toml")).To(Equal("1\n"))
		host.inside.awaitRunning(ctx, "plain", "super")
		Expect(host.inside.files(ctx, "plain", "/mark")).To(HaveKeyWithValue("/mark", HaveField("Text", "the same")))
		t.signals <- syscall.SIGUSR1
		eventually(ctx, t.ended).Should(Receive(Equal(result{code: tool.AwaitCode})))
		By("stopping one that has lived through it")
		set(ctx, host.Machine, `{"host-containers":{"super":{"enabled":false}}}`)
		eventually(ctx, func(ctx context.Context) (bool, error) { return host.inside.runs(ctx, "super") }).Should(BeFalse())
		set(ctx, host.Machine, `{"host-containers":{"super":{"enabled":true}}}`)
		host.inside.awaitRunning(ctx, "super")
		expectGood(ctx, host.Machine)
	}, SpecTimeout(patience))

	It("pulls with the right password only, and says what the registry said", func(ctx SpecContext) {
		registry := guestAddress(host.images.private)
		credentials := func(password string) string {
			return fmt.Sprintf(`"container-registry":{"credentials":[{"registry":%q,"username":%q,"password":%q}]}`, registry, user, password)
		}
		set(ctx, host.Machine, `{%s,"host-containers":{"private":{"enabled":true,"source":%q}}}`,
			credentials("wrong"), registry+"/tool:1")
		const unit = "host-container@private.service"
		said := func(ctx context.Context) []string { return journal(ctx, host.Machine, unit) }
		eventually(ctx, said).Should(ContainElement(And(
			ContainSubstring("pulling "+registry+"/tool:1: "), ContainSubstring("registry "+registry+": status 401 Unauthorized"))))
		Expect(said(ctx)).NotTo(ContainElement(ContainSubstring("wrong")), "the password")

		set(ctx, host.Machine, `{%s}`, credentials(password))
		host.inside.awaitRunning(ctx, "private")
		Expect(said(ctx)).NotTo(ContainElement(ContainSubstring(password)))
		set(ctx, host.Machine, `{"host-containers":{"private":{"enabled":false}}}`)
		expectGood(ctx, host.Machine)
	}, SpecTimeout(patience))
}

package settings

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/guest"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// userData is what Bottlerocket's documentation would have one write, with a
// group that this variant does not have.
const userData = `
[settings]
motd = "from user data"

[settings.api]
virtio-serial = true

[settings.network]
hostname = "web-17"
hosts = [["192.0.2.7", ["db", "db.example.com"]]]

[settings.ntp]
time-servers = ["192.0.2.1"]

[settings.kernel.sysctl]
"kernel.panic_on_oops" = "1"

[settings.kubernetes]
cluster-name = "elsewhere"
`

// These specs share one machine, which some of them restart.
var _ = Describe("a host with user data", Ordered, func() {
	var host *machine.Machine

	BeforeAll(func(ctx SpecContext) {
		host, _ = lab.Boot(ctx, machine.Options{UserData: userData})
	}, NodeTimeout(patience))

	It("has taken it in and names the group that it does not have", func(ctx SpecContext) {
		Expect(read(ctx, host, "settings.motd")).To(HaveKeyWithValue("motd", "from user data"))
		Expect(read(ctx, host, "network.hostname")).To(HaveKeyWithValue("network", HaveKeyWithValue("hostname", "web-17")))
		c := check(ctx, host, "user-data")
		Expect(c.OK).To(BeTrue())
		Expect(c.Message).To(ContainSubstring("settings.kubernetes"))
		h, err := host.API.Health(ctx)
		Expect(err).NotTo(HaveOccurred())
		Expect(h.Status).To(Equal(api.Good), "checks: %+v", h.Checks)
	}, SpecTimeout(patience))

	It("carries the name that it was given", func(ctx SpecContext) {
		set(ctx, host, `{"network":{"hostname":"web-18"}}`)
		Eventually(func(g Gomega) {
			raw, err := host.API.Get(ctx, api.PathJournal+"?lines=20")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(raw).To(ContainSubstring(`"_HOSTNAME":"web-18"`))
		}).WithContext(ctx).WithTimeout(time.Minute).WithPolling(time.Second).Should(Succeed())
	}, SpecTimeout(patience))

	It("keeps transactions apart and shows what one would change", func(ctx SpecContext) {
		patch(ctx, host, "one", `{"motd":"one"}`)
		patch(ctx, host, "two", `{"motd":"two"}`)
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "from user data"))

		var diff api.Diff
		b, err := host.API.Get(ctx, api.PathTxDiff+"?tx=one")
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(b, &diff)).To(Succeed())
		Expect(diff.Changes).To(ConsistOf(And(HaveField("Key", "settings.motd"),
			HaveField("Before", BeEquivalentTo(`"from user data"`)), HaveField("After", BeEquivalentTo(`"one"`)))))
		Expect(diff.Files).NotTo(BeEmpty())

		By("a dry run, which changes nothing")
		post(ctx, host, api.PathTxCommitAndApply+"?tx=one&dry-run=true")
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "from user data"))

		By("committing one of them")
		post(ctx, host, api.PathTxCommitAndApply+"?tx=two")
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "two"))
		b, err = host.API.Get(ctx, api.PathTxList)
		Expect(err).NotTo(HaveOccurred())
		Expect(b).To(MatchJSON(`["one"]`))
		_, err = host.API.Send(ctx, http.MethodDelete, api.PathTx+"?tx=one", "")
		Expect(err).NotTo(HaveOccurred())
	}, SpecTimeout(patience))

	DescribeTable("refuses what is wrong, names the key and changes nothing",
		func(ctx SpecContext, body string, status int, key string) {
			before := read(ctx, host, "settings")
			_, err := host.API.Send(ctx, http.MethodPatch, api.PathSettings+"?tx=wrong", body)
			if err == nil { // the rules between settings are asked at commit
				_, err = host.API.Send(ctx, http.MethodPost, api.PathTxCommitAndApply+"?tx=wrong", "")
			}
			Expect(refusal(err, status).Key).To(ContainSubstring(key))
			Expect(read(ctx, host, "settings")).To(Equal(before))
			_, _ = host.API.Send(ctx, http.MethodDelete, api.PathTx+"?tx=wrong", "")
		},
		Entry("a wrong type", `{"motd":7}`, 400, "motd", SpecTimeout(patience)),
		Entry("no such key", `{"ntp":{"time-serverz":[]}}`, 400, "time-serverz", SpecTimeout(patience)),
		Entry("a value out of range", `{"network":{"hostname":"-x-"}}`, 400, "hostname", SpecTimeout(patience)),
		Entry("a group of another variant", `{"kubernetes":{"cluster-name":"x"}}`, 400, "kubernetes", SpecTimeout(patience)),
		Entry("the kernel's command line", `{"boot":{"kernel-parameters":{"quiet":["1"]}}}`, 400, "boot", SpecTimeout(patience)),
		Entry("a container without an image", `{"host-containers":{"x":{"enabled":true}}}`, 400, "host-containers.x", SpecTimeout(patience)),
		Entry("no JSON", `{"motd":`, 400, "", SpecTimeout(patience)),
		Entry("a key twice", `{"motd":"a","motd":"b"}`, 400, "", SpecTimeout(patience)),
		Entry("deep nesting", strings.Repeat(`{"a":`, 5000)+"1"+strings.Repeat("}", 5000), 400, "", SpecTimeout(patience)),
		Entry("a body over the limit", `{"motd":"`+strings.Repeat("x", 1<<20)+`"}`, 413, "", SpecTimeout(patience)),
	)

	It("goes back by itself from a change that nobody confirms", func(ctx SpecContext) {
		patch(ctx, host, "trial", `{"motd":"on trial"}`)
		post(ctx, host, api.PathTxTry+"?tx=trial&timeout=10s")
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "on trial"))
		Eventually(func() any { return read(ctx, host, "motd")["motd"] }).
			WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Equal("two"))

		By("keeping one that somebody confirms")
		patch(ctx, host, "trial", `{"motd":"confirmed"}`)
		post(ctx, host, api.PathTxTry+"?tx=trial&timeout=1h")
		post(ctx, host, api.PathTxConfirm)
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "confirmed"))
	}, SpecTimeout(patience))

	It("goes back by itself even if the power is cut meanwhile", func(ctx SpecContext) {
		patch(ctx, host, "trial", `{"motd":"power cut"}`)
		post(ctx, host, api.PathTxTry+"?tx=trial&timeout=5s")
		host.PowerCut()
		Expect(host.PowerOn(ctx)).To(Succeed())
		_, err := host.AwaitReady(ctx)
		Expect(err).NotTo(HaveOccurred())
		Eventually(func() any { return read(ctx, host, "motd")["motd"] }).
			WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Equal("confirmed"))
		By("keeping all other settings")
		Expect(read(ctx, host, "network.hostname")).To(HaveKeyWithValue("network", HaveKeyWithValue("hostname", "web-18")))
	}, SpecTimeout(patience))

	It("knows who changed what", func(ctx SpecContext) {
		b, err := host.API.Get(ctx, api.PathAudit)
		Expect(err).NotTo(HaveOccurred())
		Expect(b).To(And(ContainSubstring("virtio-serial"), ContainSubstring("settings.motd")))
	}, SpecTimeout(patience))

	It("describes its API and its settings", func(ctx SpecContext) {
		var document struct {
			OpenAPI string         `json:"openapi"`
			Paths   map[string]any `json:"paths"`
		}
		b, err := host.API.Get(ctx, api.PathOpenAPI)
		Expect(err).NotTo(HaveOccurred())
		Expect(json.Unmarshal(b, &document)).To(Succeed())
		Expect(document.OpenAPI).To(HavePrefix("3.1."))
		Expect(document.Paths).To(And(HaveKey(api.PathSettings), HaveKey(api.PathOS), HaveKey(api.PathOpenAPI)))
	}, SpecTimeout(patience))

	It("tells its figures", func(ctx SpecContext) {
		b, err := host.API.Get(ctx, api.PathMetrics)
		Expect(err).NotTo(HaveOccurred())
		Expect(b).To(And(ContainSubstring("slipway_build_info{"), ContainSubstring(`slipway_health_status{status="good"} 1`)))
	}, SpecTimeout(patience))

	It("filters its journal", func(ctx SpecContext) {
		raw, err := host.API.Get(ctx, api.PathJournal+"?unit=slipway-apiserver.service")
		Expect(err).NotTo(HaveOccurred())
		entries, err := guest.ParseJournal(raw)
		Expect(err).NotTo(HaveOccurred())
		Expect(entries).NotTo(BeEmpty())
		Expect(entries).To(HaveEach(HaveField("Unit", "slipway-apiserver.service")))
	}, SpecTimeout(patience))

	It("packs a support bundle without secrets", func(ctx SpecContext) {
		set(ctx, host, `{"container-registry":{"credentials":[{"registry":"registry.example.com","username":"u","password":"hunter2hunter2"}]}}`)
		b, err := host.API.Get(ctx, api.PathSupport)
		Expect(err).NotTo(HaveOccurred())
		files := untar(b)
		Expect(files).To(And(HaveKey("slipway-support/os.json"), HaveKey("slipway-support/journal.txt"), HaveKey("slipway-support/settings.json")))
		for name, content := range files {
			Expect(name).NotTo(HaveSuffix(".error"), "%s", content)
			Expect(string(content)).NotTo(ContainSubstring("hunter2hunter2"), name)
		}
		AddReportEntry("Processes", string(files["slipway-support/processes.txt"]))
	}, SpecTimeout(patience))
})

// untar returns the files of a tar.gz archive.
func untar(b []byte) map[string][]byte {
	GinkgoHelper()
	zr, err := gzip.NewReader(bytes.NewReader(b))
	Expect(err).NotTo(HaveOccurred())
	files := map[string][]byte{}
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if err == io.EOF {
			return files
		}
		Expect(err).NotTo(HaveOccurred())
		files[header.Name], err = io.ReadAll(tr)
		Expect(err).NotTo(HaveOccurred())
	}
}

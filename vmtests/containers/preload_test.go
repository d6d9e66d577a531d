package containers

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/vmtests/machine"
)

const preloadData = machine.DoorOpen + `
[settings.host-containers.kept]
enabled = true
source = "registry.test/kept:1"

[settings.bootstrap-containers.10-kept]
source = "registry.test/kept:1"
command = ["/tool", "exit", "0", "a bootstrap container without a network\n"]
mode = "once"
essential = true
`

var _ = Describe("a folder of images on STATE", func() {
	It("is what a host without a network starts from, and a broken archive is named", func(ctx SpecContext) {
		host := newHost(ctx, machine.Options{UserData: preloadData})
		dir := GinkgoT().TempDir()
		whole := archive("registry.test/kept:1", "registry.test/workload:1")
		put(ctx, host, map[string]string{
			"whole.tar":  write(dir, "whole.tar", whole),
			"broken.tar": write(dir, "broken.tar", whole[:len(whole)/2]),
			"alien.tar":  write(dir, "alien.tar", make([]byte, 10240)),
		})
		powerOn(ctx, host)

		By("importing each image to where it belongs")
		said := journal(ctx, host, "slipway-preload.service")
		for image, where := range map[string]string{"kept": `"host containers"`, "workload": "workloads"} {
			Expect(said).To(ContainElement(And(ContainSubstring("image is imported"),
				ContainSubstring("image=registry.test/"+image+":1"), ContainSubstring("for="+where))))
		}
		Expect(journal(ctx, host, bootstrapUnit)).To(ContainElement("a bootstrap container without a network"))
		const unit = "host-container@kept.service"
		eventually(ctx, func(ctx context.Context) []string { return journal(ctx, host, unit) }).Should(ContainElement("as the image has it"))
		Expect(journal(ctx, host, unit)).To(ContainElement(ContainSubstring("using the preloaded image")))

		By("naming what is broken, which makes no boot bad")
		for _, file := range []string{"alien.tar", "broken.tar"} {
			Expect(said).To(ContainElement(And(ContainSubstring("archive is not imported"), ContainSubstring("/var/lib/slipway/preload/"+file))))
		}
		_, err := host.AwaitLine(ctx, time.Second, regexp.MustCompile(`^slipway: preloaded images: importing /var/lib/slipway/preload/alien\.tar: `))
		Expect(err).NotTo(HaveOccurred())
		expectGood(ctx, host)
	}, SpecTimeout(patience))
})

// archive is what docker save writes of the tool's image under names.
func archive(names ...string) []byte {
	GinkgoHelper()
	img := toolImage()
	images := map[name.Tag]v1.Image{}
	for _, n := range names {
		tag, err := name.NewTag(n)
		Expect(err).NotTo(HaveOccurred())
		images[tag] = img
	}
	var b bytes.Buffer
	Expect(tarball.MultiWrite(images, &b)).To(Succeed())
	return b.Bytes()
}

func write(dir, name string, data []byte) string {
	GinkgoHelper()
	path := filepath.Join(dir, name)
	Expect(os.WriteFile(path, data, 0o600)).To(Succeed())
	return path
}

// put lays files, by name, into the folder of images of a host that has never
// been on.
func put(ctx context.Context, host *machine.Machine, files map[string]string) {
	GinkgoHelper()
	commands := []string{"mkdir lib", "mkdir lib/slipway", "mkdir lib/slipway/preload", "cd lib/slipway/preload"}
	for name, path := range files {
		commands = append(commands, "write "+path+" "+name)
	}
	Expect(host.EditState(ctx, commands...)).To(Succeed())
}

package settings

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"os"
	"path/filepath"
	"time"

	"github.com/diskfs/go-diskfs"
	"github.com/diskfs/go-diskfs/disk"
	"github.com/diskfs/go-diskfs/filesystem"
	"github.com/diskfs/go-diskfs/filesystem/iso9660"
	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

var _ = Describe("user data", func() {
	It("comes by SMBIOS, packed and in parts", func(ctx SpecContext) {
		data := "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=part\r\n\r\n" +
			"--part\r\nContent-Type: application/toml\r\n\r\n[settings]\nmotd = \"by SMBIOS\"\r\n" +
			"--part\r\nContent-Type: application/toml\r\n\r\n" + machine.DoorOpen + "\r\n--part--\r\n"
		var packed bytes.Buffer
		zw := gzip.NewWriter(&packed)
		_, err := zw.Write([]byte(data))
		Expect(err).NotTo(HaveOccurred())
		Expect(zw.Close()).To(Succeed())
		host, _ := lab.Boot(ctx, machine.Options{
			SMBIOS: []string{"slipway.user-data.b64=" + base64.StdEncoding.EncodeToString(packed.Bytes())},
		})
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "by SMBIOS"))
	}, SpecTimeout(patience))

	It("comes on a NoCloud disk", func(ctx SpecContext) {
		seed := filepath.Join(GinkgoT().TempDir(), "seed.iso")
		makeSeed(seed, map[string]string{
			"/user-data": machine.DoorOpen + "[settings]\nmotd = \"by disk\"\n",
			"/meta-data": "instance-id: i-1\nlocal-hostname: seeded\n",
		})
		host, _ := lab.Boot(ctx, machine.Options{Seeds: []qemu.Disk{{Path: seed, Format: "raw"}}})
		Expect(read(ctx, host, "motd")).To(HaveKeyWithValue("motd", "by disk"))
	}, SpecTimeout(patience))

	It("comes from a cloud's metadata service, by a token", func(ctx SpecContext) {
		cloud := newCloud(machine.DoorOpen + "[settings]\nmotd = \"by cloud\"\n")
		host, _ := lab.Boot(ctx, machine.Options{Manufacturer: "Amazon EC2", Network: true, NetworkHost: "169.254.169.254"})
		Eventually(func() any { return read(ctx, host, "motd")["motd"] }).
			WithContext(ctx).WithTimeout(2 * time.Minute).WithPolling(time.Second).Should(Equal("by cloud"))
		Expect(cloud.denied.Load()).To(BeZero(), "requests without a token")
	}, SpecTimeout(patience))
})

// makeSeed writes an ISO 9660 image that is labelled as NoCloud wants it.
func makeSeed(path string, files map[string]string) {
	GinkgoHelper()
	d, err := diskfs.Create(path, 4<<20, diskfs.SectorSizeDefault)
	Expect(err).NotTo(HaveOccurred())
	d.LogicalBlocksize = 2048
	fs, err := d.CreateFilesystem(disk.FilesystemSpec{FSType: filesystem.TypeISO9660, VolumeLabel: "cidata"})
	Expect(err).NotTo(HaveOccurred())
	for name, content := range files {
		f, err := fs.OpenFile(name, os.O_CREATE|os.O_RDWR)
		Expect(err).NotTo(HaveOccurred())
		_, err = f.Write([]byte(content))
		Expect(err).NotTo(HaveOccurred())
		Expect(f.Close()).To(Succeed())
	}
	iso, ok := fs.(*iso9660.FileSystem)
	Expect(ok).To(BeTrue(), "%T", fs)
	Expect(iso.Finalize(iso9660.FinalizeOptions{RockRidge: true, VolumeIdentifier: "cidata"})).To(Succeed())
	Expect(d.Close()).To(Succeed())
}

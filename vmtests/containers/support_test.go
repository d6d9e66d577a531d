package containers

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strconv"
	"strings"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// support returns the files of the host's support bundle.
func support(ctx context.Context, host *machine.Machine) map[string]string {
	GinkgoHelper()
	b, err := host.API.Get(ctx, api.PathSupport)
	Expect(err).NotTo(HaveOccurred())
	zr, err := gzip.NewReader(bytes.NewReader(b))
	Expect(err).NotTo(HaveOccurred())
	files := map[string]string{}
	for tr := tar.NewReader(zr); ; {
		header, err := tr.Next()
		if err == io.EOF {
			return files
		}
		Expect(err).NotTo(HaveOccurred())
		content, err := io.ReadAll(tr)
		Expect(err).NotTo(HaveOccurred())
		files[strings.TrimPrefix(header.Name, "slipway-support/")] = string(content)
	}
}

// A process is one of a bundle's list.
type process struct {
	Name string
	PID  string
	RSS  int // kB
}

// processes reads a bundle's list of processes. Threads of the kernel, which
// have no memory, are not among them.
func processes(list string) []process {
	GinkgoHelper()
	var all []process
	for line := range strings.Lines(list) {
		columns := strings.Fields(line) // PID NAME STATE UID RSS THREADS
		if len(columns) != 6 || columns[0] == "PID" {
			continue
		}
		kB, err := strconv.Atoi(columns[4])
		Expect(err).NotTo(HaveOccurred(), line)
		all = append(all, process{Name: columns[1], PID: columns[0], RSS: kB})
	}
	return all
}

var ownLine = regexp.MustCompile(`(?m)^RssAnon:\s+(\d+) kB$`)

// memory is a table of what processes take: what is resident of each, and how
// much of that is its own and not a file's, which others of the same program
// share. A superpowered container can see it.
func memory(ctx context.Context, host *shared, all []process) string {
	GinkgoHelper()
	var paths []string
	for _, p := range all {
		paths = append(paths, "/proc/"+p.PID+"/status")
	}
	files := host.inside.files(ctx, "super", paths...)
	var b strings.Builder
	for _, p := range slices.SortedFunc(slices.Values(all), func(x, y process) int { return y.RSS - x.RSS }) {
		own := "?" // it has ended since
		if f := ownLine.FindStringSubmatch(files["/proc/"+p.PID+"/status"].Text); f != nil {
			own = f[1]
		}
		fmt.Fprintf(&b, "%-16s %6d kB resident, %6s kB its own\n", p.Name, p.RSS, own)
	}
	return b.String()
}

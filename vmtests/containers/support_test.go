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
	RSS  int // kB; resident, with what it shares with others
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

var pssLine = regexp.MustCompile(`(?m)^Pss: +(\d+) kB$`)

// memory is a table of what processes take: resident, and with what they share
// divided among those that share it, which a superpowered container can see.
func memory(ctx context.Context, host *shared, all []process) string {
	GinkgoHelper()
	var paths []string
	for _, p := range all {
		paths = append(paths, "/proc/"+p.PID+"/smaps_rollup")
	}
	files := host.inside.files(ctx, "super", paths...)
	var b strings.Builder
	for _, p := range slices.SortedFunc(slices.Values(all), func(x, y process) int { return y.RSS - x.RSS }) {
		share := "?" // it has ended since
		if f := pssLine.FindStringSubmatch(files["/proc/"+p.PID+"/smaps_rollup"].Text); f != nil {
			share = f[1]
		}
		fmt.Fprintf(&b, "%-16s RSS %6d kB  PSS %6s kB\n", p.Name, p.RSS, share)
	}
	return b.String()
}

package containers

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"maps"
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

// memory reads a bundle's list of processes: the resident memory, in kB, of
// every process by its name. Threads of the kernel have none.
func memory(processes string) map[string][]int {
	GinkgoHelper()
	resident := map[string][]int{}
	for line := range strings.Lines(processes) {
		columns := strings.Fields(line) // PID NAME STATE UID RSS THREADS
		if len(columns) != 6 || columns[0] == "PID" {
			continue
		}
		kB, err := strconv.Atoi(columns[4])
		Expect(err).NotTo(HaveOccurred(), line)
		resident[columns[1]] = append(resident[columns[1]], kB)
	}
	return resident
}

// summary is a table of memory, of what has most to what has least.
func summary(resident map[string][]int) string {
	total := func(name string) (sum int) {
		for _, kB := range resident[name] {
			sum += kB
		}
		return sum
	}
	var b strings.Builder
	for _, name := range slices.SortedFunc(maps.Keys(resident), func(x, y string) int { return total(y) - total(x) }) {
		fmt.Fprintf(&b, "%-16s %7d kB in %v\n", name, total(name), resident[name])
	}
	return b.String()
}

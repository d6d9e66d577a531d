// Package suite ties machines to Ginkgo: it checks the surroundings once,
// makes machines that end with the spec or container that asked for them, and
// keeps evidence after every spec.
package suite

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/onsi/ginkgo/v2"
	"github.com/onsi/ginkgo/v2/reporters"
	"github.com/onsi/gomega"
	"github.com/onsi/gomega/format"

	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/evidence"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

// Variables that a suite is told things by.
const (
	EnvImage     = "SLIPWAY_IMAGE"               // raw disk image under test
	EnvArtifacts = "SLIPWAY_ARTIFACTS"           // folder with root.erofs, root.verity, uki.efi, image.json
	EnvEvidence  = "TEST_UNDECLARED_OUTPUTS_DIR" // folder for evidence and junit.xml
	EnvTarget    = "TEST_TARGET"                 // label of the test, for messages
)

// A Suite is what its specs share. It is made once, before the tree of specs.
type Suite struct {
	Image     string
	Artifacts string
	Accel     accel.Accel

	evidence string

	mu       sync.Mutex
	machines []*machine.Machine // that are not destroyed
}

// New registers the suite's nodes. It is called while the tree of specs is
// built: var lab = suite.New().
func New() *Suite {
	s := &Suite{}
	format.RegisterCustomFormatter(plainErrors)
	ginkgo.BeforeSuite(s.prepare)
	ginkgo.JustAfterEach(s.collect, ginkgo.NodeTimeout(2*time.Minute))
	ginkgo.ReportAfterSuite("JUnit", func(r ginkgo.Report) {
		if s.evidence != "" {
			gomega.Expect(reporters.GenerateJUnitReport(r, filepath.Join(s.evidence, "junit.xml"))).To(gomega.Succeed())
		}
	})
	return s
}

// plainErrors shows an error as the first line of its text and not as the tree
// of values that it is. Matchers add the whole text.
func plainErrors(value any) (string, bool) {
	err, ok := value.(error)
	if !ok {
		return "", false
	}
	first, _, _ := strings.Cut(err.Error(), "\n")
	return first, true
}

// prepare fails the suite, with a message that says what to do, where
// something is missing.
func (s *Suite) prepare(ctx ginkgo.SpecContext) {
	s.Image, s.Artifacts, s.evidence = os.Getenv(EnvImage), os.Getenv(EnvArtifacts), os.Getenv(EnvEvidence)
	gomega.Expect(s.Image).NotTo(gomega.BeEmpty(),
		EnvImage+" names no disk image: run this suite by its vm_test target, or set it to a disk.img of //variants/base:image")
	gomega.Expect(s.Image).To(gomega.BeARegularFile())
	gomega.Expect(s.Artifacts).To(gomega.BeADirectory(), EnvArtifacts+" is the folder with root.erofs")
	gomega.Expect(s.evidence).To(gomega.BeADirectory(), EnvEvidence+" is the folder for evidence")
	gomega.Expect(qemu.CheckTools()).To(gomega.Succeed())
	var err error
	s.Accel, err = accel.NewProber(qemu.OVMF.Code, qemu.OVMF.Vars).Choose(ctx)
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	fmt.Fprintln(ginkgo.GinkgoWriter, "Accelerator:", s.Accel)
}

// Machine makes a machine that is off and ends with the spec, or with the
// container if BeforeAll calls. Image, accelerator and evidence are filled in.
func (s *Suite) Machine(ctx context.Context, o machine.Options) *machine.Machine {
	ginkgo.GinkgoHelper()
	folder, err := s.folder(ginkgo.CurrentSpecReport(), len(s.all()))
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	o.Image, o.Accel, o.Evidence = s.Image, s.Accel, folder
	m, err := machine.New(ctx, o)
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	s.add(m)
	ginkgo.DeferCleanup(func() error {
		s.remove(m)
		return m.Destroy()
	})
	return m
}

// Boot makes a machine, turns it on and waits until it is ready.
func (s *Suite) Boot(ctx context.Context, o machine.Options) (*machine.Machine, machine.Ready) {
	ginkgo.GinkgoHelper()
	m := s.Machine(ctx, o)
	return m, PowerOn(ctx, m)
}

// PowerOn turns a machine on and waits until it is ready.
func PowerOn(ctx context.Context, m *machine.Machine) machine.Ready {
	ginkgo.GinkgoHelper()
	gomega.Expect(m.PowerOn(ctx)).To(gomega.Succeed())
	ready, err := m.AwaitReady(ctx)
	gomega.Expect(err).NotTo(gomega.HaveOccurred())
	return ready
}

// collect keeps the evidence of the spec that has just run, from every machine
// that it saw, and fails the spec if a console shows trouble or evidence lacks.
func (s *Suite) collect(ctx ginkgo.SpecContext) {
	report := ginkgo.CurrentSpecReport()
	var troubles []string
	for i, m := range s.all() {
		folder, err := s.folder(report, i)
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		err = m.Collect(ctx, folder, report.Failed())
		gomega.Expect(folder.Write("rerun.txt", []byte(evidence.Rerun(os.Getenv(EnvTarget), report.FullText())))).To(gomega.Succeed())
		if report.Failed() {
			gomega.Expect(folder.Write("failure.txt", []byte(report.Failure.Message+"\n"))).To(gomega.Succeed())
			ginkgo.AddReportEntry("Again", evidence.Rerun(os.Getenv(EnvTarget), report.FullText()), ginkgo.ReportEntryVisibilityFailureOrVerbose)
			ginkgo.AddReportEntry("Console", m.Console.Tail(40), ginkgo.ReportEntryVisibilityFailureOrVerbose)
			ginkgo.AddReportEntry("Timeline", m.Timeline.String(), ginkgo.ReportEntryVisibilityFailureOrVerbose)
			continue // one failure is enough
		}
		gomega.Expect(err).NotTo(gomega.HaveOccurred())
		gomega.Expect(folder.Missing(m.Expects()...)).To(gomega.BeEmpty(), "evidence is missing in "+folder.Dir)
		for _, t := range m.Troubles() {
			troubles = append(troubles, t.String())
		}
	}
	gomega.Expect(troubles).To(gomega.BeEmpty(), "the console shows trouble")
}

// folder is where a spec's evidence of its i-th machine goes.
func (s *Suite) folder(report ginkgo.SpecReport, i int) (evidence.Folder, error) {
	folder, err := evidence.Open(s.evidence, report.FullText())
	if err == nil && i > 0 {
		folder, err = folder.Sub(fmt.Sprintf("machine-%d", i+1))
	}
	return folder, err
}

func (s *Suite) add(m *machine.Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines = append(s.machines, m)
}

func (s *Suite) remove(m *machine.Machine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.machines = slices.DeleteFunc(s.machines, func(have *machine.Machine) bool { return have == m })
}

func (s *Suite) all() []*machine.Machine {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.machines)
}

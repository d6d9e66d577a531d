// Package update has the specs of updates: to the next version and back, with a
// version that is no good, with the power cut at any moment, and with files that
// nobody signed.
//
// The image under test is that of the variant base and trusts the repository of
// this test, see BUILD.bazel; nothing else sets them apart.
package update

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/suite"
)

// lab holds the image under test, the accelerator and the evidence.
var lab = suite.New()

// patience bounds a spec however slow the host; waits have shorter limits.
const patience = 30 * time.Minute

// Versions of the build, see BUILD.bazel.
const (
	now    = "0.1.0"
	next   = "0.1.1"
	broken = "0.1.2" // a unit of it fails
)

func TestUpdate(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Update")
}

// boot makes a machine that follows a repository, and turns it on, after what is
// to be done before. settings are more lines of the settings of updates.
func boot(ctx context.Context, r *repository, settings string, o machine.Options, before ...func(*machine.Machine)) *machine.Machine {
	GinkgoHelper()
	o.Network = true
	o.UserData = machine.DoorOpen + r.settings() + settings
	host := lab.Machine(ctx, o)
	host.API.Attempt = lab.Accel.Patience(host.API.Attempt)
	for _, do := range before {
		do(host)
	}
	Expect(suite.PowerOn(ctx, host).Version).To(Equal(now))
	return host
}

// status is how far an update is.
func status(ctx context.Context, host *machine.Machine) api.UpdateStatus {
	GinkgoHelper()
	b, err := host.API.Get(ctx, api.PathUpdatesStatus)
	Expect(err).NotTo(HaveOccurred())
	var s api.UpdateStatus
	Expect(json.Unmarshal(b, &s)).To(Succeed(), "%s", b)
	return s
}

// eventually waits for a status; a prepare is the longest wait.
func eventually(ctx context.Context, host *machine.Machine, want types.GomegaMatcher, explain ...any) api.UpdateStatus {
	GinkgoHelper()
	var last api.UpdateStatus
	Eventually(func() api.UpdateStatus {
		last = status(ctx, host)
		return last
	}).WithContext(ctx).WithTimeout(lab.Accel.Patience(time.Minute)).WithPolling(time.Second).Should(want, explain...)
	return last
}

// give gives a command.
func give(ctx context.Context, host *machine.Machine, path string) {
	GinkgoHelper()
	host.Timeline.Add("%s", path)
	_, err := host.API.Send(ctx, http.MethodPost, path, "")
	Expect(err).NotTo(HaveOccurred())
}

// command gives a command, waits for its end, and returns what became of it:
// "" or why it failed.
func command(ctx context.Context, host *machine.Machine, path, kind string) string {
	GinkgoHelper()
	var before time.Time
	if c := status(ctx, host).MostRecentCommand; c != nil {
		before = c.Timestamp
	}
	give(ctx, host, path)
	s := eventually(ctx, host, WithTransform(func(s api.UpdateStatus) bool {
		c := s.MostRecentCommand
		return s.Running == nil && c != nil && c.Type == kind && c.Timestamp.After(before)
	}, BeTrue()), "the end of %s", kind)
	host.Timeline.Add("%s: %s %s", kind, s.MostRecentCommand.Status, *s.MostRecentCommand.Stderr)
	if s.MostRecentCommand.Status == api.UpdateSuccess {
		return ""
	}
	return *s.MostRecentCommand.Stderr
}

// check looks for an update, once the host is in the network.
func check(ctx context.Context, host *machine.Machine) api.UpdateStatus {
	GinkgoHelper()
	for range 30 {
		problem := command(ctx, host, api.PathRefreshUpdates, api.UpdateRefresh)
		s := status(ctx, host)
		if s.Checked != nil && s.Checked.Offline {
			time.Sleep(time.Second)
			continue
		}
		Expect(problem).To(BeEmpty())
		return s
	}
	Fail("the host did not reach the repository")
	return api.UpdateStatus{}
}

// stage brings a version into the other slot, however far that is already.
func stage(ctx context.Context, host *machine.Machine) api.UpdateStatus {
	GinkgoHelper()
	s := eventually(ctx, host, HaveField("Running", BeNil()), "the end of what was under way")
	if s.UpdateState == api.UpdateIdle {
		s = check(ctx, host)
	}
	if s.UpdateState == api.UpdateAvailable {
		Expect(command(ctx, host, api.PathPrepareUpdate, api.UpdatePrepare)).To(BeEmpty())
		s = status(ctx, host)
	}
	Expect(s.UpdateState).To(Equal(api.UpdateStaged), "%+v", s)
	return s
}

// restart restarts the host and waits until the boot is good and committed.
func restart(ctx context.Context, host *machine.Machine) machine.Ready {
	GinkgoHelper()
	Expect(host.Reboot(ctx)).To(Succeed())
	ready, err := host.AwaitReady(ctx)
	Expect(err).NotTo(HaveOccurred())
	settled(ctx, host)
	return ready
}

// settled waits until what runs is committed, and checks that it is well.
func settled(ctx context.Context, host *machine.Machine) api.UpdateStatus {
	GinkgoHelper()
	s := eventually(ctx, host, HaveField("Boot", "committed"), "the commit")
	health, err := host.API.Health(ctx)
	Expect(err).NotTo(HaveOccurred())
	Expect(health.Status).To(Equal(api.Good), "checks: %+v", health.Checks)
	return s
}

// set changes settings and applies them; read reads the one called motd.
func set(ctx context.Context, host *machine.Machine, body string) {
	GinkgoHelper()
	_, err := host.API.Send(ctx, http.MethodPatch, api.PathSettings+"?tx=test", body)
	Expect(err).NotTo(HaveOccurred())
	_, err = host.API.Send(ctx, http.MethodPost, api.PathTxCommitAndApply+"?tx=test", "")
	Expect(err).NotTo(HaveOccurred())
}

func motd(ctx context.Context, host *machine.Machine) string {
	GinkgoHelper()
	b, err := host.API.Get(ctx, api.PathSettings+"?prefix="+url.QueryEscape("motd"))
	Expect(err).NotTo(HaveOccurred())
	var tree struct {
		Motd string `json:"motd"`
	}
	Expect(json.Unmarshal(b, &tree)).To(Succeed(), "%s", b)
	return tree.Motd
}

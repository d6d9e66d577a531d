// Package containers has the specs of the host's own containers: how they are
// pulled, started and stopped, what they see of the host, commands in them, and
// what prepares a boot. Through a container they also look at what settings do
// to the host.
//
// The containers' program is this test itself, see package tool.
package containers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/containers/tool"
	"github.com/slipway-os/slipway/vmtests/guest"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/suite"
)

// lab holds the image under test, the accelerator and the evidence.
var lab = suite.New()

// patience bounds a spec however slow the host; waits have shorter limits.
const patience = 20 * time.Minute

// network is the address of this host's loopback in a guest's network.
const network = "10.0.2.2"

func TestMain(m *testing.M) {
	if tool.Is(os.Args) {
		os.Exit(tool.Main(os.Args, tool.Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr}))
	}
	os.Exit(m.Run())
}

func TestContainers(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Containers")
}

// newHost makes a machine that is off. Applying settings may take long here:
// containers are stopped.
func newHost(ctx context.Context, o machine.Options) *machine.Machine {
	GinkgoHelper()
	host := lab.Machine(ctx, o)
	host.API.Attempt = lab.Accel.Patience(host.API.Attempt)
	return host
}

// powerOn turns a machine on and waits until it is ready, with the time that
// pulling images and running containers takes.
func powerOn(ctx context.Context, host *machine.Machine) machine.Ready {
	GinkgoHelper()
	Expect(host.PowerOn(ctx)).To(Succeed())
	return awaitReady(ctx, host)
}

var readyLine = regexp.MustCompile(`^slipway: ready `)

func awaitReady(ctx context.Context, host *machine.Machine) machine.Ready {
	GinkgoHelper()
	_, err := host.AwaitLine(ctx, 90*time.Second, readyLine)
	Expect(err).NotTo(HaveOccurred())
	ready, err := host.AwaitReady(ctx)
	Expect(err).NotTo(HaveOccurred())
	return ready
}

// read returns the settings below a prefix, as nested tables.
func read(ctx context.Context, host *machine.Machine, prefix string) map[string]any {
	GinkgoHelper()
	b, err := host.API.Get(ctx, api.PathSettings+"?prefix="+url.QueryEscape(prefix))
	Expect(err).NotTo(HaveOccurred())
	var tree map[string]any
	Expect(json.Unmarshal(b, &tree)).To(Succeed(), "%s", b)
	return tree
}

// set changes settings, which are given as for fmt.Sprintf, and applies them.
func set(ctx context.Context, host *machine.Machine, format string, args ...any) {
	GinkgoHelper()
	_, err := host.API.Send(ctx, http.MethodPatch, api.PathSettings+"?tx=test", fmt.Sprintf(format, args...))
	Expect(err).NotTo(HaveOccurred())
	apply(ctx, host)
}

// unset takes settings away and applies that.
func unset(ctx context.Context, host *machine.Machine, keys ...string) {
	GinkgoHelper()
	_, err := host.API.Send(ctx, http.MethodDelete, api.PathSettings+"?tx=test&keys="+url.QueryEscape(strings.Join(keys, ",")), "")
	Expect(err).NotTo(HaveOccurred())
	apply(ctx, host)
}

func apply(ctx context.Context, host *machine.Machine) {
	GinkgoHelper()
	_, err := host.API.Send(ctx, http.MethodPost, api.PathTxCommitAndApply+"?tx=test", "")
	Expect(err).NotTo(HaveOccurred())
}

// journal returns what units have said in this boot, in order.
func journal(ctx context.Context, host *machine.Machine, units ...string) []string {
	GinkgoHelper()
	raw, err := host.API.Get(ctx, api.PathJournal+"?unit="+url.QueryEscape(strings.Join(units, ",")))
	Expect(err).NotTo(HaveOccurred())
	entries, err := guest.ParseJournal(raw)
	Expect(err).NotTo(HaveOccurred())
	var messages []string
	for _, e := range entries {
		messages = append(messages, e.Message)
	}
	return messages
}

// eventually is Eventually with the time that a container takes to be pulled,
// started or stopped.
func eventually(ctx context.Context, actual any) AsyncAssertion {
	GinkgoHelper()
	return Eventually(actual).WithContext(ctx).WithTimeout(lab.Accel.Patience(time.Minute)).WithPolling(time.Second)
}

// expectGood checks that nothing is wrong with the host.
func expectGood(ctx context.Context, host *machine.Machine) {
	GinkgoHelper()
	health, err := host.API.Health(ctx)
	Expect(err).NotTo(HaveOccurred())
	Expect(health.FailedUnits).To(BeEmpty())
	Expect(health.Status).To(Equal(api.Good), "checks: %+v", health.Checks)
}

// Package settings has the specs of a host's settings: where they come from,
// how they are changed, what holds when something is broken.
package settings

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	. "github.com/onsi/ginkgo/v2"
	. "github.com/onsi/gomega"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/vmtests/guest"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/suite"
)

// lab holds the image under test, the accelerator and the evidence.
var lab = suite.New()

// patience bounds a spec however slow the host; waits have shorter limits.
const patience = 15 * time.Minute

func TestSettings(t *testing.T) {
	RegisterFailHandler(Fail)
	RunSpecs(t, "Settings")
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

// patch puts settings into a transaction.
func patch(ctx context.Context, host *machine.Machine, tx, body string) {
	GinkgoHelper()
	_, err := host.API.Send(ctx, http.MethodPatch, api.PathSettings+"?tx="+tx, body)
	Expect(err).NotTo(HaveOccurred())
}

// post sends what has no body, and returns the answer.
func post(ctx context.Context, host *machine.Machine, path string) []byte {
	GinkgoHelper()
	b, err := host.API.Send(ctx, http.MethodPost, path, "")
	Expect(err).NotTo(HaveOccurred())
	return b
}

// set changes settings and applies them.
func set(ctx context.Context, host *machine.Machine, body string) {
	GinkgoHelper()
	patch(ctx, host, "test", body)
	post(ctx, host, api.PathTxCommitAndApply+"?tx=test")
}

// refusal is the problem document of a request that must fail.
func refusal(err error, status int) api.Problem {
	GinkgoHelper()
	var refused *guest.RefusedError
	Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
	Expect(refused.Status).To(Equal(status), "%s", refused.Body)
	var p api.Problem
	Expect(json.Unmarshal([]byte(refused.Body), &p)).To(Succeed(), "%s", refused.Body)
	Expect(p.Status).To(Equal(status))
	return p
}

// check is one of the host's health checks.
func check(ctx context.Context, host *machine.Machine, name string) api.Check {
	GinkgoHelper()
	h, err := host.API.Health(ctx)
	Expect(err).NotTo(HaveOccurred())
	for _, c := range h.Checks {
		if c.Name == name {
			return c
		}
	}
	Fail("health has no check " + name)
	return api.Check{}
}

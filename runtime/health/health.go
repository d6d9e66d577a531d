package health

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/systemd"
)

// CheckUnit is the unit that runs the boot checks.
const CheckUnit = "slipway-health.service"

// A Monitor evaluates the host's health whenever it is asked.
type Monitor struct {
	Host host.Host
	Dial systemd.Dialer
	Now  func() time.Time
	// Fixed are checks whose outcome was found when the daemon started, such
	// as that of the boot record.
	Fixed []api.Check
	// More returns checks that come and go; nil: there are none.
	More func() []api.Check

	mu     sync.Mutex
	status api.Status // as reported last
	since  time.Time
}

// Health looks at everything once.
func (m *Monitor) Health(ctx context.Context) api.Health {
	report, err := ReadReport(m.Host.Root)
	failed, units := m.checkUnits(ctx)
	checks := []api.Check{checkBoot(report, err), units, m.checkRoot()}
	checks = append(checks, checkSettings(m.Host.Root)...)
	checks = append(checks, m.Fixed...)
	if m.More != nil {
		checks = append(checks, m.More()...)
	}

	h := api.Health{Status: api.Good, Checks: checks, FailedUnits: failed}
	died := err != nil || slices.Contains(failed, CheckUnit)
	switch {
	case report == nil && !died:
		h.Status = api.Starting
	case slices.ContainsFunc(checks, func(c api.Check) bool { return !c.OK }):
		h.Status = api.Degraded
	}
	h.Since = m.sinceWhen(h.Status, report)
	return h
}

// checkBoot judges the report of the boot checks, nil while there is none.
func checkBoot(r *Report, err error) api.Check {
	c := api.Check{Name: "boot"}
	switch {
	case err != nil:
		c.Message = err.Error()
	case r == nil:
		c.Message = "the boot checks are not done"
	default:
		c.OK, c.Message = r.Good, r.Reason
	}
	return c
}

// checkUnits asks which units failed; the list is sorted and never nil.
func (m *Monitor) checkUnits(ctx context.Context) ([]string, api.Check) {
	c := api.Check{Name: "units"}
	names := []string{}
	manager, err := m.Dial(ctx)
	if err != nil {
		c.Message = err.Error()
		return names, c
	}
	defer manager.Close()
	units, err := manager.FailedUnits(ctx)
	if err != nil {
		c.Message = err.Error()
		return names, c
	}
	for _, u := range units {
		names = append(names, u.Name)
	}
	slices.Sort(names)
	c.OK = len(names) == 0
	if !c.OK {
		c.Message = "failed: " + strings.Join(names, ", ")
	}
	return names, c
}

// checkRoot asks the kernel whether the root is still what was signed.
func (m *Monitor) checkRoot() api.Check {
	c := api.Check{Name: "root"}
	r, err := m.Host.RootFS()
	switch {
	case err != nil:
		c.Message = err.Error()
	case r.Verity != host.VerityVerified:
		c.Message = fmt.Sprintf("dm-verity on %s: %s", r.Device, r.Verity)
	default:
		c.OK = true
	}
	return c
}

// sinceWhen remembers when the status changed. The end of the boot checks is
// known to the second; a later change counts from when it was first seen.
func (m *Monitor) sinceWhen(s api.Status, r *Report) time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s == m.status {
		return m.since
	}
	first := m.status == "" || m.status == api.Starting
	m.status, m.since = s, m.Now().UTC()
	if first && r != nil {
		m.since = r.Finished
	}
	return m.since
}

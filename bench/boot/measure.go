package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/console"
	"github.com/slipway-os/slipway/vmtests/evidence"
	"github.com/slipway-os/slipway/vmtests/machine"
)

// bench boots two images.
type bench struct {
	image, baseline string
	evidence        string
	settle          time.Duration
	accel           accel.Accel
}

// multiUser is the line that the baseline is made to say by a unit that comes
// in by a credential, so that its image stays what mmdebstrap made of it.
const multiUser = "baseline: multi-user"

var credentials = map[string]string{
	"systemd.extra-unit.baseline.service": "[Unit]\nAfter=multi-user.target\n" +
		"[Service]\nType=oneshot\nExecStart=/bin/echo " + multiUser + "\nStandardOutput=tty\nTTYPath=/dev/ttyS0\n",
	"systemd.unit-dropin.multi-user.target": "[Unit]\nWants=baseline.service\n",
}

// contestant is an image and how its boot is seen to be done.
type contestant struct {
	name, image string
	credentials map[string]string
	await       func(context.Context, *machine.Machine) (time.Duration, error)
}

// run boots the images in turn, so that a change of the host's load meets both.
func (b bench) run(ctx context.Context, runs int, progress io.Writer) (results, error) {
	r := results{Accel: b.accel.String()}
	for n := 1; n <= runs; n++ {
		for _, c := range []struct {
			contestant
			to *[]sample
		}{
			{contestant{"image", b.image, nil, awaitAPI}, &r.Image},
			{contestant{"baseline", b.baseline, credentials, awaitMultiUser}, &r.Baseline},
		} {
			s, err := b.boot(ctx, fmt.Sprintf("%s-%d", c.name, n), c.contestant)
			if err != nil {
				return r, fmt.Errorf("boot %d of the %s: %w", n, c.name, err)
			}
			fmt.Fprintf(progress, "boot %d of %d of the %s: %s\n", n, runs, c.name, s)
			*c.to = append(*c.to, s)
		}
	}
	return r, nil
}

// boot boots once and measures.
func (b bench) boot(ctx context.Context, name string, c contestant) (s sample, err error) {
	folder, err := evidence.Open(b.evidence, name)
	if err != nil {
		return s, err
	}
	m, err := machine.New(ctx, machine.Options{
		Image: c.image, Accel: b.accel, UserData: machine.DoorOpen, Credentials: c.credentials, MemoryStats: true,
		Expected: console.Except(console.Panic), Evidence: folder,
	})
	if err != nil {
		return s, err
	}
	defer func() { err = errors.Join(err, m.Destroy()) }()
	if err := m.PowerOn(ctx); err != nil {
		return s, err
	}
	total, err := c.await(ctx, m)
	if err != nil {
		return s, err
	}
	s.Total, s.Firmware = total.Seconds(), handover(m).Seconds()
	ctx, cancel := m.Within(ctx, b.settle+10*time.Second)
	defer cancel()
	select {
	case <-time.After(b.settle):
	case <-ctx.Done():
		return s, context.Cause(ctx)
	}
	memory, err := m.Monitor().Memory(ctx)
	s.UsedBytes = memory.Used()
	return s, err
}

// awaitAPI waits until the API answers that the host is good.
func awaitAPI(ctx context.Context, m *machine.Machine) (time.Duration, error) {
	_, after, err := m.AwaitAPI(ctx)
	if err != nil {
		return 0, err
	}
	_, err = m.AwaitReady(ctx)
	return after, err
}

func awaitMultiUser(ctx context.Context, m *machine.Machine) (time.Duration, error) {
	line, err := m.AwaitLine(ctx, time.Minute, regexp.MustCompile("^"+multiUser))
	if err != nil {
		return 0, err
	}
	return line.Time.Sub(m.Since()), nil
}

var starting = regexp.MustCompile(`^BdsDxe: starting `)

// handover is when the firmware started the boot loader; 0 if it did not say.
func handover(m *machine.Machine) time.Duration {
	for _, line := range m.Console.Lines(0) {
		if starting.MatchString(line.Text) {
			return line.Time.Sub(m.Since())
		}
	}
	return 0
}

package bootcheck

import (
	"bytes"
	"context"
	"errors"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/systemd"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

var goodOS = api.OS{VariantID: "base", VersionID: "0.1.0", Slot: "A", Boot: api.Boot{ID: "x", Count: 7}}

func answer(os api.OS, err error) func(context.Context) (api.OS, error) {
	return func(context.Context) (api.OS, error) { return os, err }
}

// finishing is a manager whose jobs end one look after the other.
type finishing struct {
	*systemdtest.Manager
	left []string
}

func (f *finishing) Jobs(ctx context.Context) ([]systemd.Job, error) {
	f.SetJobs(f.left...)
	if len(f.left) == 0 {
		f.SetState(target, "active")
	} else {
		f.left = f.left[1:]
	}
	return f.Manager.Jobs(ctx)
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name   string
		jobs   []string
		state  string
		failed []string
		down   error
		ask    func(context.Context) (api.OS, error)
		want   string
	}{
		{name: "good", state: "active"},
		{name: "own jobs do not count", state: "active", jobs: own},
		{name: "a unit failed", state: "active", failed: []string{"b.service", "a.service"}, want: "units: failed: a.service, b.service"},
		{name: "target missed", state: "inactive", want: "start: multi-user.target was not reached, it is inactive"},
		{name: "target missed by a unit", failed: []string{"x.mount"},
			want: "start: multi-user.target was not reached, it is inactive\nfailed: x.mount"},
		{name: "hanging", state: "activating", jobs: []string{"slow.service", "slipway-health.service"},
			want: "start: deadline passed, still waiting for slow.service (start running)"},
		{name: "systemd away", down: errors.New("connection lost"), want: "start: connection lost"},
		{name: "no API", state: "active", ask: answer(api.OS{}, errors.New("no socket")), want: "api: no socket"},
		{name: "empty API", state: "active", ask: answer(api.OS{}, nil), want: "api: the answer to GET /os lacks version or boot ID"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &systemdtest.Manager{}
			m.SetJobs(tc.jobs...)
			m.SetState(target, tc.state)
			m.SetFailed(tc.failed...)
			m.Fail(tc.down)
			if tc.ask == nil {
				tc.ask = answer(goodOS, nil)
			}
			ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
			defer cancel()
			err := Checker{Manager: m, AskAPI: tc.ask, Tick: time.Millisecond}.Run(ctx)
			if got := text(err); got != tc.want {
				t.Errorf("Run: %q, want %q", got, tc.want)
			}
		})
	}
}

func TestRunWaits(t *testing.T) {
	m := &finishing{Manager: &systemdtest.Manager{}, left: []string{"a.service", "b.service", "c.service"}}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := (Checker{Manager: m, AskAPI: answer(goodOS, nil), Tick: time.Millisecond}).Run(ctx); err != nil {
		t.Errorf("Run: %v", err)
	}
	if len(m.left) != 0 {
		t.Errorf("did not wait for %q", m.left)
	}
}

// fakeClient answers with what it holds.
type fakeClient struct {
	health api.Health
	err    error
}

func (f fakeClient) OS(context.Context) (api.OS, error)         { return goodOS, f.err }
func (f fakeClient) Health(context.Context) (api.Health, error) { return f.health, f.err }

func TestAnnounce(t *testing.T) {
	const ready = "slipway: ready variant=base version=0.1.0 slot=A boot=7\n"
	for _, tc := range []struct {
		name   string
		client fakeClient
		want   string
		err    string
	}{
		{name: "well", client: fakeClient{health: api.Health{Checks: []api.Check{{Name: "units", OK: true}}}}, want: ready},
		{
			name:   "degraded",
			client: fakeClient{health: api.Health{Checks: []api.Check{{Name: "user-data", Message: "line 2: x: no such setting"}}}},
			want:   ready + "slipway: degraded: user-data: line 2: x: no such setting\n",
		},
		{name: "silent", client: fakeClient{err: errors.New("no answer")}, err: "no answer"},
	} {
		var out bytes.Buffer
		err := announce(context.Background(), &out, tc.client)
		if text(err) != tc.err || out.String() != tc.want {
			t.Errorf("%s: %q, %v; want %q, %q", tc.name, out.String(), err, tc.want, tc.err)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

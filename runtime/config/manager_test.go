package config

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

// manage boots a machine and manages its settings as the API's daemon does.
func manage(t *testing.T) (*Manager, *systemdtest.Manager) {
	t.Helper()
	root := machine(t)
	healthy(t, start(root, nil))
	st, _, err := OpenStore(root, "1.0.0", settings.Base(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
	})
	templates, err := LoadTemplates(root)
	if err != nil {
		t.Fatal(err)
	}
	units := &systemdtest.Manager{}
	return &Manager{
		Schema: settings.Base(), Store: st, Templates: templates, Dial: units.Dial, Root: root,
		Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	}, units
}

// change commits and applies values as one transaction.
func change(t *testing.T, m *Manager, v map[string]string) (store.Commit, error) {
	t.Helper()
	values := settings.Values{}
	for k, s := range v {
		values[k] = json.RawMessage(s)
	}
	if err := m.Store.Patch("t", values, store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
	return m.Commit(context.Background(), "t", true)
}

func wantChanged(t *testing.T, units *systemdtest.Manager, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, units.Changed()); d != "" {
		t.Errorf("changes of units (-want +got):\n%s", d)
	}
}

func TestCommitAppliesOnlyWhatChanged(t *testing.T) {
	m, units := manage(t)
	if _, err := change(t, m, map[string]string{"motd": `"hello"`}); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/motd", "hello\n")
	wantChanged(t, units)
	if _, err := change(t, m, map[string]string{"ntp.time-servers": `["time1.example.com"]`, `kernel.sysctl."net.ipv4.ip_forward"`: `"1"`}); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/chrony/chrony.conf", "pool time1.example.com iburst\n")
	wantChanged(t, units, "try-restart chronyd.service", "restart slipway-kernel.service")
	if c := m.Check(); !c.OK {
		t.Errorf("check %+v", c)
	}
}

func TestCommitWithoutApply(t *testing.T) {
	m, units := manage(t)
	if err := m.Store.Patch("t", settings.Values{"ntp.time-servers": []byte(`["a.example.com"]`)}, store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
	c, err := m.Commit(context.Background(), "t", false)
	if err != nil {
		t.Fatal(err)
	}
	wantChanged(t, units)
	if err := m.Apply(context.Background(), changed(c.Deltas)); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, units, "try-restart chronyd.service")
}

func TestFailedUnitIsNamedAndTriedAgain(t *testing.T) {
	m, units := manage(t)
	units.SetChange("chronyd.service", errors.New("exit code 1"))
	c, err := change(t, m, map[string]string{"ntp.time-servers": `["a.example.com"]`})
	var applied *ApplyError
	if !errors.As(err, &applied) || !strings.Contains(err.Error(), "chronyd.service: exit code 1") {
		t.Fatalf("error %v, want an ApplyError that names the unit", err)
	}
	if len(c.Deltas) != 1 || string(m.Store.Live()["ntp.time-servers"].Value) != `["a.example.com"]` {
		t.Errorf("the settings are not committed: %+v", c)
	}
	if check := m.Check(); check.OK || !strings.Contains(check.Message, "chronyd.service") {
		t.Errorf("check %+v, want the unit", check)
	}
	units.SetChange("chronyd.service", nil)
	if _, err := change(t, m, map[string]string{"motd": `"x"`}); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, units, "try-restart chronyd.service", "try-restart chronyd.service")
	if check := m.Check(); !check.OK {
		t.Errorf("check %+v, want it to be well again", check)
	}
}

func TestUnreachableServiceManager(t *testing.T) {
	m, units := manage(t)
	units.Fail(errors.New("no systemd"))
	if _, err := change(t, m, map[string]string{"dns.name-servers": `["192.0.2.53"]`}); err == nil || !strings.Contains(err.Error(), "no systemd") {
		t.Fatalf("error %v", err)
	}
	units.Fail(nil)
	if err := m.Apply(context.Background(), []string{"motd"}); err != nil {
		t.Fatal(err)
	}
	wantChanged(t, units, "reload systemd-resolved.service", "reload systemd-networkd.service")
}

func TestUnitThatHangs(t *testing.T) {
	m, units := manage(t)
	m.Timeout = time.Millisecond
	units.SetChange("chronyd.service", systemdtest.Hang)
	_, err := change(t, m, map[string]string{"ntp.time-servers": `["a.example.com"]`})
	if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "chronyd.service") {
		t.Errorf("error %v, want the deadline and the unit", err)
	}
}

func TestClientThatGoesAwayStopsNothing(t *testing.T) {
	m, _ := manage(t)
	ctx, cancel := context.WithCancel(context.Background())
	if err := m.busy.enter(ctx); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := m.Apply(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("Apply while another is under way = %v, want it to give up", err)
	}
	if err := m.apply(ctx, nil); err != nil {
		t.Errorf("what has begun stopped half way: %v", err)
	}
	m.busy.leave()
}

func TestCommitRefusesWhatCannotBeRendered(t *testing.T) {
	m, units := manage(t)
	// The schema lets a module's name begin with a dash, modprobe.d does not.
	_, err := change(t, m, map[string]string{`kernel.modules.-x.autoload`: `true`})
	if !errors.Is(err, store.ErrRefused) || !strings.Contains(err.Error(), "template modules-load: ") {
		t.Fatalf("error %v, want one that names the template", err)
	}
	if _, ok := m.Store.Live()[`kernel.modules.-x.autoload`]; ok {
		t.Error("it is committed")
	}
	wantChanged(t, units)
}

func TestCommitLetsTheStoreRefuse(t *testing.T) {
	m, _ := manage(t)
	_, err := change(t, m, map[string]string{`ntp.time-servers`: `"text"`})
	if !errors.Is(err, store.ErrRefused) || len(settings.Problems(err)) != 1 {
		t.Errorf("error %v, want the schema's problem", err)
	}
	if _, err := m.Commit(context.Background(), "empty", true); !errors.Is(err, store.ErrNoPending) {
		t.Errorf("Commit of nothing = %v", err)
	}
}

func TestRemovedHostnameIsGenerated(t *testing.T) {
	m, units := manage(t)
	if _, err := change(t, m, map[string]string{hostnameKey: `"web-1"`}); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/hostname", "web-1\n")
	if err := m.Store.Remove("t", settings.Key{"network", "hostname"}); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Commit(context.Background(), "t", true); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/hostname", "slipway-d488a6da\n")
	wantEntry(t, m.Store.Live(), hostnameKey, `"slipway-d488a6da"`, store.SourceGenerator)
	wantChanged(t, units, "restart slipway-kernel.service", "restart slipway-kernel.service")
}

func TestRestore(t *testing.T) {
	m, _ := manage(t)
	c, err := change(t, m, map[string]string{"motd": `"bad idea"`})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Restore(context.Background(), c.Before, c.Seq+1); !errors.Is(err, store.ErrMoved) {
		t.Errorf("Restore over another change = %v", err)
	}
	if _, err := m.Restore(context.Background(), c.Before, c.Seq); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/motd", "Welcome to Slipway\n")
}

func TestResumeTriesTheBootsFailuresAgain(t *testing.T) {
	m, units := manage(t)
	m.Resume(Report{Templates: map[string]string{"motd": "template motd: broken"}, Kernel: "settings.kernel.lockdown: no"})
	if c := m.Check(); c.OK || c.Message != "settings.kernel.lockdown: no; template motd: broken" {
		t.Errorf("check %+v", c)
	}
	if err := os.Remove(filepath.Join(m.Root, "/etc/motd")); err != nil {
		t.Fatal(err)
	}
	if err := m.Apply(context.Background(), []string{"updates.seed"}); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/motd", "Welcome to Slipway\n")
	wantChanged(t, units, "restart slipway-kernel.service")
	if c := m.Check(); !c.OK {
		t.Errorf("check %+v", c)
	}
}

func TestGenerateTakesTheNameOfDHCP(t *testing.T) {
	m, units := manage(t)
	if done, err := m.Generate(context.Background()); done || err != nil {
		t.Fatalf("Generate before there is a lease = %v, %v, want not done", done, err)
	}
	put(t, m.Root, leases+"/10", "ADDRESS=192.0.2.9\nHOSTNAME=second\n")
	put(t, m.Root, leases+"/2", "ADDRESS=192.0.2.7\nHOSTNAME=Web-17.Example.com\n")
	put(t, m.Root, leases+"/1", "HOSTNAME=not a name\n")
	if done, err := m.Generate(context.Background()); !done || err != nil {
		t.Fatalf("Generate with a lease = %v, %v, want done", done, err)
	}
	wantEntry(t, m.Store.Live(), hostnameKey, `"web-17.example.com"`, store.SourceGenerator)
	want(t, m.Root, "/etc/hostname", "web-17.example.com\n")
	wantChanged(t, units, "restart slipway-kernel.service")

	put(t, m.Root, leases+"/2", "HOSTNAME=other\n")
	if done, err := m.Generate(context.Background()); !done || err != nil {
		t.Errorf("Generate = %v, %v, want done", done, err)
	}
	wantEntry(t, m.Store.Live(), hostnameKey, `"web-17.example.com"`, store.SourceGenerator)
}

// TestChangesTakeTurns: whoever commits at the same time, files and settings
// agree in the end.
func TestChangesTakeTurns(t *testing.T) {
	m, _ := manage(t)
	var wg sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d", "e", "f"} {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := m.Store.Patch(name, settings.Values{"motd": json.RawMessage(`"` + name + `"`)}, store.SourceAPI, false); err != nil {
				t.Error(err)
			}
			if _, err := m.Commit(context.Background(), name, true); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	var motd string
	if err := json.Unmarshal(m.Store.Live()["motd"].Value, &motd); err != nil {
		t.Fatal(err)
	}
	want(t, m.Root, "/etc/motd", motd+"\n")
}

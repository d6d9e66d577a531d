package server

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/host/hosttest"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

// The daemon opens what is there and says what is not; it serves in any case.
func TestOpenSettings(t *testing.T) {
	h, _ := hosttest.New(t, nil)
	open := func() *Server {
		s := &Server{Host: h, Dial: (&systemdtest.Manager{}).Dial, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
		t.Cleanup(s.close)
		return s
	}
	s := open()
	if check := s.openSettings(); check.OK || s.Manager != nil || s.StoreErr == nil || len(s.settingsChecks()) > 0 || s.doorWanted() {
		t.Errorf("without templates: %+v, %v", check, s.StoreErr)
	}
	template := filepath.Join(h.Root, render.Folder, "motd.tmpl")
	if err := writeFile(template, "+++\npath = \"/etc/motd\"\nmode = \"0644\"\nsettings = [\"motd\"]\n+++\n{{ setting \"motd\" }}\n"); err != nil {
		t.Fatal(err)
	}
	s = open()
	if check := s.openSettings(); !check.OK || s.Manager == nil || s.StoreErr != nil || len(s.settingsChecks()) != 1 {
		t.Errorf("as it should be: %+v, %v", check, s.StoreErr)
	}
	second := open()
	if check := second.openSettings(); check.OK || second.Manager != nil || !strings.Contains(check.Message, "another process owns the store") {
		t.Errorf("a second daemon: %+v", check)
	}
}

func TestOpenAudit(t *testing.T) {
	h, _ := hosttest.New(t, map[string]string{"var/lib/slipway/audit": "a file in the way"})
	s := &Server{Host: h, Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if check := s.openAudit(); check.OK || check.Message == "" || s.Audit != nil {
		t.Errorf("%+v", check)
	}
	if _, err := s.auditPage(0, 1); err == nil {
		t.Error("a page of no log")
	}
	s.recordRevert([]string{"motd"}, nil) // nobody keeps it, nothing breaks
}

// What the generators find waits for the end of a trial: the trial can be taken
// back only while it is the last change.
func TestGeneratorsWaitForTheTrial(t *testing.T) {
	c, s := newCaller(t)
	begin(t, c, "1h")
	lease := filepath.Join(s.Host.Root, "run/systemd/netif/leases/2")
	if err := writeFile(lease, "HOSTNAME=by-dhcp\n"); err != nil {
		t.Fatal(err)
	}
	seq := s.Manager.Store.Seq()
	if done, err := s.generate(t.Context()); done || err != nil || s.Manager.Store.Seq() != seq {
		t.Errorf("during the trial: done %v, %v, change %d", done, err, s.Manager.Store.Seq())
	}
	c.want("POST", "/tx/revert", "", 200, `["settings.motd"]`)
	if _, err := s.generate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := string(s.Manager.Store.Live()["network.hostname"].Value); got != `"by-dhcp"` {
		t.Errorf("host name %s", got)
	}
}

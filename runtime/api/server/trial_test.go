package server

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

func motdOf(t *testing.T, s *Server) string {
	t.Helper()
	return string(s.Manager.Store.Live()["motd"].Value)
}

func begin(t *testing.T, c caller, timeout string) api.Try {
	t.Helper()
	c.want("PATCH", "/settings", `{"motd": "tried"}`, 204, "")
	w := c.do("POST", "/tx/try?timeout="+timeout, "")
	var try api.Try
	if err := json.Unmarshal(w.Body.Bytes(), &try); err != nil || w.Code != 200 {
		t.Fatalf("POST /tx/try: status %d %s", w.Code, w.Body)
	}
	return try
}

const welcome = `"Welcome to Slipway"`

func TestTrialIsConfirmed(t *testing.T) {
	c, s := newCaller(t)
	try := begin(t, c, "1h")
	if !try.Pending || len(try.Keys) != 1 || try.Keys[0] != "settings.motd" || try.Seconds < 3500 {
		t.Errorf("%+v", try)
	}
	if _, err := os.Stat(filepath.Join(s.Host.Root, trialPath)); err != nil {
		t.Errorf("the way back is not noted: %v", err)
	}
	c.want("PATCH", "/settings", `{"motd": "other"}`, 204, "")
	for _, path := range []string{"/tx/commit", "/tx/commit_and_apply", "/tx/try"} {
		c.refuse("POST", path, "", 409, "tx", "a change is on trial")
	}
	c.want("POST", "/tx/confirm", "", 200, `["settings.motd"]`)
	if got := motdOf(t, s); got != `"tried"` {
		t.Errorf("motd is %s", got)
	}
	if record, err := readTrial(s.Host.Root); record != nil || err != nil {
		t.Errorf("record after the end: %+v, %v", record, err)
	}
	c.refuse("POST", "/tx/confirm", "", 409, "", "no change is on trial")
	c.want("GET", "/tx/try", "", 200, `{"pending":false,"keys":[],"seconds_left":0}`)
	c.want("POST", "/tx/commit", "", 200, `["settings.motd"]`)
}

func TestTrialIsTakenBack(t *testing.T) {
	c, s := newCaller(t)
	begin(t, c, "1h")
	c.want("POST", "/tx/revert", "", 200, `["settings.motd"]`)
	file, err := os.ReadFile(filepath.Join(s.Host.Root, "etc/motd"))
	if got := motdOf(t, s); got != welcome || string(file) != "Welcome to Slipway\n" || err != nil {
		t.Errorf("motd is %s, its file %q, %v", got, file, err)
	}
}

func TestTrialRunsOut(t *testing.T) {
	c, s := newCaller(t)
	begin(t, c, "1s")
	for deadline := time.Now().Add(time.Minute); motdOf(t, s) != welcome; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the change stays in force")
		}
	}
	s.changing.Lock() // the files follow
	defer s.changing.Unlock()
	if s.trial != nil {
		t.Error("the trial goes on")
	}
	page, err := s.auditPage(0, 1)
	if err != nil || page.Records[0].Action != "revert" || page.Records[0].Who.Door != doorDaemon {
		t.Errorf("audit log: %+v, %v", page, err)
	}
}

// The daemon is killed at every point of a trial; its successor goes on.
func TestTrialSurvivesTheDaemon(t *testing.T) {
	for _, tc := range []struct {
		name   string
		killed func(t *testing.T, c caller, s *Server)
		change func(s *Server)
		want   string
		left   bool
	}{
		{name: "during the trial", killed: func(t *testing.T, c caller, _ *Server) { begin(t, c, "1h") }, want: `"tried"`, left: true},
		{
			name: "before the commit", want: welcome,
			killed: func(t *testing.T, c caller, s *Server) {
				c.want("PATCH", "/settings", `{"motd": "tried"}`, 204, "")
				record, err := s.wayBack(s.Manager, "default", time.Hour)
				if err := errors.Join(err, record.write(s.Host.Root)); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "too late", want: welcome,
			killed: func(t *testing.T, c caller, _ *Server) { begin(t, c, "1h") },
			change: func(s *Server) { writeUptime(s, "99999.0 1.0") },
		},
		{
			name: "with the host", want: welcome,
			killed: func(t *testing.T, c caller, _ *Server) { begin(t, c, "1h") },
			change: func(s *Server) { s.Boot.BootID = "another" },
		},
		{
			name: "after the way back", want: welcome,
			killed: func(t *testing.T, c caller, s *Server) {
				begin(t, c, "1h")
				if _, err := s.Manager.Store.Restore(s.trial.Before, s.trial.Seq); err != nil {
					t.Fatal(err)
				}
			},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, s := newCaller(t)
			c.t = t
			tc.killed(t, c, s)
			s.close()
			next := &Server{Host: s.Host, Dial: s.Dial, Boot: s.Boot, Log: s.Log}
			next.Manager = newManager(t, s.Host, &systemdtest.Manager{})
			defer next.close()
			if tc.change != nil {
				tc.change(next)
			}
			if err := next.resumeTrial(context.Background(), next.Manager); err != nil {
				t.Fatal(err)
			}
			if got := motdOf(t, next); got != tc.want {
				t.Errorf("motd is %s, want %s", got, tc.want)
			}
			record, err := readTrial(s.Host.Root)
			if err != nil || (record != nil) != tc.left || (next.trial != nil) != tc.left {
				t.Errorf("record %+v, trial %+v, %v", record, next.trial, err)
			}
		})
	}
}

func writeUptime(s *Server, text string) {
	if err := os.WriteFile(filepath.Join(s.Host.Root, "proc/uptime"), []byte(text), 0o644); err != nil {
		panic(err)
	}
}

func TestTrialThatDoesNotApply(t *testing.T) {
	c, s := newCaller(t)
	if err := os.MkdirAll(filepath.Join(s.Host.Root, "etc/motd/in/the/way"), 0o755); err != nil {
		t.Fatal(err)
	}
	c.want("PATCH", "/settings", `{"motd": "tried"}`, 204, "")
	c.refuse("POST", "/tx/try", "", 500, "", "it was taken back")
	if got := motdOf(t, s); got != welcome || s.trial != nil {
		t.Errorf("motd is %s, trial %v", got, s.trial)
	}
}

func TestTrialIsRefused(t *testing.T) {
	c, s := newCaller(t)
	c.refuse("POST", "/tx/try", "", 422, "tx", "nothing is pending")
	for _, timeout := range []string{"0s", "2h", "x", "60"} {
		c.refuse("POST", "/tx/try?timeout="+timeout, "", 400, "timeout", "no duration")
	}
	c.want("PATCH", "/settings", `{"motd": "tried"}`, 204, "")
	if err := os.Rename(filepath.Join(s.Host.Root, "var/lib/slipway"), filepath.Join(s.Host.Root, "var/lib/gone")); err != nil {
		t.Fatal(err)
	}
	c.refuse("POST", "/tx/try", "", 500, "", "noting the way back")
	if got := motdOf(t, s); got != welcome {
		t.Errorf("motd is %s", got)
	}
}

func TestDamagedTrialRecord(t *testing.T) {
	_, s := newCaller(t)
	if err := os.WriteFile(filepath.Join(s.Host.Root, trialPath), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	err := s.resumeTrial(context.Background(), s.Manager)
	if err == nil || !strings.Contains(err.Error(), "reading the record of the trial") {
		t.Errorf("%v", err)
	}
}

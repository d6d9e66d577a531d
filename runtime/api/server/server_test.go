package server

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootrecord"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/health"
	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/host/hosttest"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/systemd/systemdtest"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// newServer makes a server on a well host, changed as hosttest.New says.
func newServer(t *testing.T, files map[string]string) (*Server, *systemdtest.Manager) {
	t.Helper()
	h, _ := hosttest.New(t, files)
	if err := writeFile(filepath.Join(h.Root, "etc/machine-id"), hosttest.BootID); err != nil {
		t.Fatal(err)
	}
	m := &systemdtest.Manager{}
	log := slog.New(slog.NewTextHandler(t.Output(), nil))
	if err := (config.Report{}).Write(h.Root); err != nil {
		t.Fatal(err)
	}
	s := &Server{
		Host: h, Dial: m.Dial,
		Monitor: &health.Monitor{Host: h, Dial: m.Dial, Now: func() time.Time { return start }},
		Boot:    bootrecord.Record{BootID: hosttest.BootID, Count: 3, FirstBoot: start},
		Journal: says("journal"), Units: says("units"), Log: log,
	}
	s.Manager = newManager(t, h, m)
	if check := s.openAudit(); !check.OK {
		t.Fatal(check.Message)
	}
	t.Cleanup(s.close)
	return s, m
}

// firstSeq is the change that the generators have made on newServer's host.
const firstSeq = 1

// newManager opens settings of a host with two templates.
func newManager(t *testing.T, h host.Host, m *systemdtest.Manager) *config.Manager {
	t.Helper()
	templates, err := render.Load(fstest.MapFS{
		"motd.tmpl": {Data: []byte("+++\npath = \"/etc/motd\"\nmode = \"0644\"\nsettings = [\"motd\"]\n+++\n{{ setting \"motd\" }}\n")},
		"chrony.tmpl": {Data: []byte("+++\npath = \"/etc/chrony.conf\"\nmode = \"0644\"\nsettings = [\"ntp\"]\n" +
			"try-restart = [\"chronyd.service\"]\n+++\n{{ range setting \"ntp.time-servers\" }}server {{ . }}\n{{ end }}")},
	})
	if err != nil {
		t.Fatal(err)
	}
	schema := settings.Base()
	st, _, err := config.OpenStore(h.Root, "0.1.0", schema, nil)
	if err != nil {
		t.Fatal(err)
	}
	manager := &config.Manager{
		Schema: schema, Store: st, Templates: templates, Dial: m.Dial, Root: h.Root, Log: slog.New(slog.NewTextHandler(t.Output(), nil)),
	}
	if _, err := manager.Generate(context.Background()); err != nil {
		t.Fatal(err)
	}
	return manager
}

// writeFile makes the folder, too.
func writeFile(path, text string) error {
	return errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644))
}

// says is a program that prints one line.
func says(line string) func(context.Context, []string) (Stream, error) {
	return func(context.Context, []string) (Stream, error) { return &pieces{parts: []string{line + "\n"}}, nil }
}

// asRoot makes a request come from root on the socket.
func asRoot(r *http.Request) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), peerKey{}, Peer{Door: doorUnix, Cred: &unix.Ucred{}, Exe: "/usr/bin/test"}))
}

func do(s *Server, method, target string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, httptest.NewRequest(method, target, nil))
	return w
}

func TestGetOS(t *testing.T) {
	s, _ := newServer(t, nil)
	w := do(s, "GET", "/os")
	want := `{"name":"Slipway","pretty_name":"Slipway 0.1.0 (base)","variant_id":"base","version_id":"0.1.0",` +
		`"build_id":"` + hosttest.RootHash[:16] + `","arch":"x86_64","kernel":"6.12.43","slot":"A","root_hash":"` + hosttest.RootHash + `",` +
		`"root":{"device":"/dev/dm-0","fstype":"erofs","read_only":true,"verity":"verified"},` +
		`"state":{"device":"/dev/vda6","fstype":"ext4","size_bytes":8589934592,"available_bytes":7516192768},` +
		`"boot":{"id":"` + hosttest.BootID + `","count":3,"first_boot":"2026-03-01T12:00:00Z","uptime_seconds":12.34}}` + "\n"
	if d := cmp.Diff(want, w.Body.String()); d != "" || w.Code != 200 {
		t.Errorf("status %d (-want +got):\n%s", w.Code, d)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		t.Errorf("content type %q", got)
	}
}

func TestGetOSInTrouble(t *testing.T) {
	s, _ := newServer(t, map[string]string{"proc/self/mountinfo": "-", "usr/lib/os-release": "BUILD_ID=b1\nVERSION_ID=9\n"})
	w := do(s, "GET", "/os")
	var os api.OS
	if err := json.Unmarshal(w.Body.Bytes(), &os); err != nil {
		t.Fatal(err)
	}
	if w.Code != 200 || os.BuildID != "b1" || os.Boot.Count != 3 || os.Kernel != "6.12.43" || os.RootHash != "" {
		t.Errorf("status %d, %+v", w.Code, os)
	}
}

func TestGetHealth(t *testing.T) {
	s, m := newServer(t, nil)
	status := func() (int, api.Status) {
		t.Helper()
		w := do(s, "GET", "/health")
		var h api.Health
		if err := json.Unmarshal(w.Body.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		return w.Code, h.Status
	}
	if code, got := status(); code != 503 || got != api.Starting {
		t.Errorf("at first: %d %s", code, got)
	}
	if err := (health.Report{Good: true, Finished: start}).Write(s.Host.Root); err != nil {
		t.Fatal(err)
	}
	if code, got := status(); code != 200 || got != api.Good {
		t.Errorf("checks done: %d %s", code, got)
	}
	m.SetFailed("x.service")
	if code, got := status(); code != 503 || got != api.Degraded {
		t.Errorf("a failed unit: %d %s", code, got)
	}
}

func TestReboot(t *testing.T) {
	s, m := newServer(t, nil)
	if w := do(s, "POST", "/actions/reboot"); w.Code != 202 || w.Body.String() != "{}\n" {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
	if d := cmp.Diff([]string{"reboot.target"}, m.Started()); d != "" {
		t.Errorf("started (-want +got):\n%s", d)
	}
}

func TestProblems(t *testing.T) {
	for _, tc := range []struct {
		method, target string
		want           api.Problem
		allow          string
	}{
		{method: "GET", target: "/nosuch", want: api.Problem{Status: 404, Detail: `the API has no "/nosuch"`}},
		{method: "GET", target: "/os/", want: api.Problem{Status: 404, Detail: `the API has no "/os/"`}},
		{method: "PUT", target: "/os", want: api.Problem{Status: 405, Detail: "/os takes GET, not PUT"}, allow: "GET"},
		{method: "GET", target: "/actions/reboot", want: api.Problem{Status: 405, Detail: "/actions/reboot takes POST, not GET"}, allow: "POST"},
		{method: "POST", target: "/actions/reboot", want: api.Problem{Status: 500, Detail: "systemd is away"}},
		{method: "GET", target: "/journal?boot=1", want: api.Problem{Status: 400, Key: "boot", Detail: `"1" is neither 0, -1, … nor a boot ID of 32 hex digits`}},
		{method: "GET", target: "/audit?x=1", want: api.Problem{Status: 400, Key: "x", Detail: "no such parameter; there are from, lines"}},
		{method: "GET", target: "/health?x=1", want: api.Problem{Status: 400, Key: "x", Detail: "no such parameter; there are none"}},
		{method: "GET", target: "/os?prefix=a&prefix=b", want: api.Problem{Status: 400, Key: "prefix", Detail: "is given 2 times"}},
		{method: "GET", target: "/os?prefix=%", want: api.Problem{Status: 400, Detail: `the query does not parse: invalid URL escape "%"`}},
		{method: "DELETE", target: "/settings", want: api.Problem{Status: 400, Key: "keys", Detail: "this parameter is required: settings or groups"}},
	} {
		s, m := newServer(t, nil)
		m.Fail(errors.New("systemd is away"))
		w := do(s, tc.method, tc.target)
		tc.want.Type, tc.want.Title = "about:blank", http.StatusText(tc.want.Status)
		var got api.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatalf("%s %s: %v", tc.method, tc.target, err)
		}
		if d := cmp.Diff(tc.want, got); d != "" || w.Code != tc.want.Status {
			t.Errorf("%s %s: status %d (-want +got):\n%s", tc.method, tc.target, w.Code, d)
		}
		if got := w.Header().Get("Content-Type"); got != api.ContentTypeProblem {
			t.Errorf("%s %s: content type %q", tc.method, tc.target, got)
		}
		if got := w.Header().Get("Allow"); got != tc.allow {
			t.Errorf("%s %s: Allow %q, want %q", tc.method, tc.target, got, tc.allow)
		}
	}
}

func TestRequestID(t *testing.T) {
	s, _ := newServer(t, nil)
	for id, want := range map[string]string{"": "", "a-1.B_2": "a-1.B_2", "two words": "", strings.Repeat("x", 65): ""} {
		for _, path := range []string{"/os", "/nosuch"} {
			r := httptest.NewRequest("GET", path, nil)
			r.Header.Set(api.HeaderRequestID, id)
			w := httptest.NewRecorder()
			s.Handler().ServeHTTP(w, r)
			if got := w.Header().Get(api.HeaderRequestID); got != want {
				t.Errorf("%s with ID %q: answer has %q, want %q", path, id, got, want)
			}
		}
	}
}

func TestPanicBecomesAProblem(t *testing.T) {
	s, _ := newServer(t, nil)
	s.Monitor = nil // getHealth dereferences it
	w := do(s, "GET", "/health")
	if w.Code != 500 || !strings.Contains(w.Body.String(), "internal error") {
		t.Errorf("status %d %s", w.Code, w.Body)
	}
}

// pieces is a Stream that gives out its parts, then ends with err.
type pieces struct {
	parts []string
	err   error
	wait  func()
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.parts) == 0 {
		if p.wait != nil {
			p.wait()
		}
		return 0, io.EOF
	}
	n := copy(b, p.parts[0])
	p.parts = p.parts[1:]
	return n, nil
}

func (p *pieces) Wait() error { return p.err }

func TestJournal(t *testing.T) {
	s, _ := newServer(t, nil)
	var args []string
	s.Journal = func(_ context.Context, a []string) (Stream, error) {
		args = a
		return &pieces{parts: []string{"{\"a\":1}\n", "{\"b\":2}\n"}}, nil
	}
	w := do(s, "GET", "/journal?boot=-1&follow=true")
	if w.Code != 200 || w.Body.String() != "{\"a\":1}\n{\"b\":2}\n" || !w.Flushed {
		t.Errorf("status %d, flushed %v: %q", w.Code, w.Flushed, w.Body)
	}
	want := []string{"--output=json", "--no-pager", "--quiet", "--boot=-1", "--no-tail", "--follow"}
	if d := cmp.Diff(want, args); d != "" {
		t.Errorf("arguments (-want +got):\n%s", d)
	}
}

func TestJournalFails(t *testing.T) {
	for _, tc := range []struct {
		target string
		parts  []string
		want   int
	}{
		{"/journal", nil, 500},
		{"/journal?boot=-9", nil, 404},
	} {
		s, _ := newServer(t, nil)
		s.Journal = func(context.Context, []string) (Stream, error) {
			return &pieces{parts: tc.parts, err: errors.New("exit status 1: no such boot")}, nil
		}
		w := do(s, "GET", tc.target)
		if w.Code != tc.want || !strings.Contains(w.Body.String(), "no such boot") {
			t.Errorf("%s: status %d %s, want %d", tc.target, w.Code, w.Body, tc.want)
		}
	}
}

func TestJournalCutOff(t *testing.T) {
	s, _ := newServer(t, nil)
	s.Journal = func(context.Context, []string) (Stream, error) {
		return &pieces{parts: []string{"{}\n"}, err: errors.New("killed")}, nil
	}
	server := httptest.NewServer(s.Handler())
	defer server.Close()
	res, err := http.Get(server.URL + "/journal")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if string(b) != "{}\n" || !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("body %q ends with %v, want it to be cut off", b, err)
	}
}

func TestJournalsAreBounded(t *testing.T) {
	s, _ := newServer(t, nil)
	release, running := make(chan struct{}), make(chan struct{}, maxJournals)
	s.Journal = func(context.Context, []string) (Stream, error) {
		return &pieces{wait: func() { running <- struct{}{}; <-release }}, nil
	}
	h := s.Handler()
	get := func() int {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/journal", nil))
		return w.Code
	}
	codes := make(chan int, maxJournals)
	for range maxJournals {
		go func() { codes <- get() }()
	}
	for range maxJournals {
		<-running
	}
	if code := get(); code != 429 {
		t.Errorf("one too many: status %d, want 429", code)
	}
	close(release)
	for range maxJournals {
		if code := <-codes; code != 200 {
			t.Errorf("status %d, want 200", code)
		}
	}
	if code := get(); code != 200 {
		t.Errorf("afterwards: status %d, want 200", code)
	}
}

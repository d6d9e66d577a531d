package server

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
)

// A caller asks one handler, as root or not.
type caller struct {
	t *testing.T
	h http.Handler
	// root: the requests come from root on the socket.
	root bool
}

func (c caller) do(method, target, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if c.root {
		r = asRoot(r)
	}
	w := httptest.NewRecorder()
	c.h.ServeHTTP(w, r)
	return w
}

// want asks and compares status and body.
func (c caller) want(method, target, body string, status int, answer string) {
	c.t.Helper()
	w := c.do(method, target, body)
	if d := cmp.Diff(answer, strings.TrimSuffix(w.Body.String(), "\n")); d != "" || w.Code != status {
		c.t.Errorf("%s %s: status %d, want %d (-want +got):\n%s", method, target, w.Code, status, d)
	}
}

// refuse asks and wants a problem that blames key.
func (c caller) refuse(method, target, body string, status int, key, detail string) {
	c.t.Helper()
	w := c.do(method, target, body)
	var p api.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		c.t.Errorf("%s %s: status %d %s: %v", method, target, w.Code, w.Body, err)
	}
	if w.Code != status || p.Status != status || p.Key != key || !strings.Contains(p.Detail, detail) {
		c.t.Errorf("%s %s: status %d, %+v; want %d, key %q, detail %q", method, target, w.Code, p, status, key, detail)
	}
}

func newCaller(t *testing.T) (caller, *Server) {
	s, _ := newServer(t, nil)
	return caller{t: t, h: s.Handler(), root: true}, s
}

// What Bottlerocket's users know: stage, look, commit.
func TestTransaction(t *testing.T) {
	c, s := newCaller(t)
	c.want("PATCH", "/settings?tx=a", `{"motd": "hi", "ntp": {"time-servers": ["a.example"]}}`, 204, "")
	c.want("GET", "/tx?tx=a", "", 200, `{"motd":"hi","ntp":{"time-servers":["a.example"]}}`)
	c.want("GET", "/tx", "", 200, `{}`)
	c.want("GET", "/tx/list", "", 200, `["a"]`)
	c.want("GET", "/settings?keys=motd", "", 200, `{"motd":"Welcome to Slipway"}`)
	c.want("POST", "/tx/commit_and_apply?tx=a", "", 200, `["settings.motd","settings.ntp.time-servers"]`)
	c.want("GET", "/settings?keys=motd,settings.ntp.time-servers", "", 200, `{"motd":"hi","ntp":{"time-servers":["a.example"]}}`)
	c.want("GET", "/settings?prefix=mot", "", 200, `{"motd":"hi"}`)
	c.want("GET", "/?prefix=settings.motd", "", 200, `{"settings":{"motd":"hi"}}`)
	c.want("GET", "/tx/list", "", 200, `[]`)
	file, err := os.ReadFile(filepath.Join(s.Host.Root, "etc/motd"))
	if err != nil || string(file) != "hi\n" {
		t.Errorf("/etc/motd: %q, %v", file, err)
	}
	c.want("DELETE", "/settings?keys=motd", "", 204, "")
	c.want("GET", "/tx/diff", "", 200, `{"changes":[{"key":"settings.motd","before":"hi","after":"Welcome to Slipway"}],"files":["/etc/motd"],"units":[]}`)
	c.want("DELETE", "/tx", "", 200, `["settings.motd"]`)
	c.refuse("POST", "/tx/commit", "", 422, "tx", "nothing is pending in the transaction default")
}

func TestCommitWithoutApply(t *testing.T) {
	c, s := newCaller(t)
	c.want("PATCH", "/settings", `{"motd": "later"}`, 204, "")
	c.want("POST", "/tx/commit", "", 200, `["settings.motd"]`)
	path := filepath.Join(s.Host.Root, "etc/motd")
	if _, err := os.Stat(path); err == nil {
		t.Error("a commit made the file")
	}
	c.want("POST", "/tx/apply?keys=settings.motd", "", 204, "")
	if _, err := os.Stat(path); err != nil {
		t.Error(err)
	}
}

func TestDryRun(t *testing.T) {
	c, s := newCaller(t)
	c.want("PATCH", "/settings", `{"motd": "hi", "ntp": {"time-servers": ["b.example"]}}`, 204, "")
	before := string(s.Manager.Store.Live()["ntp.time-servers"].Value)
	c.want("POST", "/tx/commit_and_apply?dry-run=true", "", 200,
		`{"changes":[{"key":"settings.motd","before":"Welcome to Slipway","after":"hi"},{"key":"settings.ntp.time-servers","before":`+before+`,"after":["b.example"]}],`+
			`"files":["/etc/chrony.conf","/etc/motd"],"units":["chronyd.service"]}`)
	if seq := s.Manager.Store.Seq(); seq != firstSeq {
		t.Errorf("a dry run made change %d", seq)
	}
	c.refuse("POST", "/tx/commit?dry-run=maybe", "", 400, "dry-run", "neither true nor false")
}

func TestKeypair(t *testing.T) {
	c, _ := newCaller(t)
	c.want("PATCH", "/settings/keypair", `{"request_payload": ["motd=42", "settings.ntp.time-servers=[\"b.example\"]",`+
		` "kernel.sysctl.\"vm.max_map_count\"=262144", "api.virtio-serial=true"]}`, 204, "")
	c.want("GET", "/tx", "", 200, `{"api":{"virtio-serial":true},"kernel":{"sysctl":{"vm.max_map_count":"262144"}},"motd":"42",`+
		`"ntp":{"time-servers":["b.example"]}}`)
	c.want("DELETE", "/tx", "", 200, `["settings.api.virtio-serial","settings.kernel.sysctl.\"vm.max_map_count\"","settings.motd","settings.ntp.time-servers"]`)
	c.want("PATCH", "/settings/keypair", `{"request_payload": ["motd=\"quoted\""]}`, 204, "")
	c.want("GET", "/tx", "", 200, `{"motd":"quoted"}`)
	c.refuse("PATCH", "/settings/keypair", `{"request_payload": ["motd"]}`, 400, "", "want KEY=VALUE")
	c.refuse("PATCH", "/settings/keypair", `{"request_payload": ["motd=a", "motd=b"]}`, 400, "settings.motd", "given twice")
	c.refuse("PATCH", "/settings/keypair", `{"request_payload": ["api.virtio-serial=maybe"]}`, 400, "settings.api.virtio-serial", "true or false")
	c.refuse("PATCH", "/settings/keypair", `{"payload": []}`, 400, "request_payload", "unknown field")
	c.refuse("PATCH", "/settings/keypair", `{"request_payload": []} {}`, 400, "request_payload", "want")
}

func TestRefusedSettings(t *testing.T) {
	c, s := newCaller(t)
	deep := strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000)
	for _, tc := range []struct {
		name, body  string
		status      int
		key, detail string
	}{
		{"wrong type", `{"motd": 42}`, 400, "settings.motd", "found"},
		{"no such setting", `{"ntp": {"time-server": []}}`, 400, "settings.ntp.time-server", "did you mean ntp.time-servers"},
		{"no such group", `{"nosuch": {}}`, 400, "settings.nosuch", "no such group"},
		{"several", `{"motd": 42, "ntp": {"x": 1}}`, 400, "settings.motd", "2 mistakes"},
		{"duplicate key", `{"motd": "a", "motd": "b"}`, 400, "", "twice"},
		{"deep", deep, 400, "", ""},
		{"not JSON", `motd = "hi"`, 400, "", ""},
		{"trailing", `{"motd": "a"} {}`, 400, "", ""},
		{"no object", `["motd"]`, 400, "", ""},
		{"nothing", ``, 400, "", ""},
		{"large", `{"motd": "` + strings.Repeat("x", maxBody) + `"}`, 413, "", "more than"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			caller{t: t, h: c.h, root: true}.refuse("PATCH", "/settings", tc.body, tc.status, tc.key, tc.detail)
		})
	}
	if names := s.Manager.Store.Transactions(); len(names) > 0 || s.Manager.Store.Seq() != firstSeq {
		t.Errorf("the store has been touched: %q, change %d", names, s.Manager.Store.Seq())
	}
	c.refuse("PATCH", "/settings?tx=../x", `{}`, 400, "tx", "is no name")
	c.refuse("GET", "/settings?keys=nosuch", "", 400, "settings.nosuch", "no such setting")
	c.refuse("GET", "/settings?keys=motd,", "", 400, "keys", "empty")
	c.refuse("GET", "/settings?prefix=", "", 400, "prefix", "empty")
}

const secretUser = `{"host-containers": {"admin": {"source": "example.com/admin:v1", "user-data": "c2VjcmV0"}}}`

func TestSecrets(t *testing.T) {
	root, _ := newCaller(t)
	other := caller{t: t, h: root.h}
	root.want("PATCH", "/settings", secretUser, 204, "")
	other.want("GET", "/tx", "", 200,
		`{"host-containers":{"admin":{"source":"example.com/admin:v1","user-data":"(redacted)"}}}`)
	for _, c := range []caller{root, other} {
		if diff := c.do("GET", "/tx/diff", "").Body.String(); strings.Contains(diff, "c2VjcmV0") != c.root {
			t.Errorf("as root: %v: %s", c.root, diff)
		}
	}
	root.want("POST", "/tx/commit", "", 200, `["settings.host-containers.admin.source","settings.host-containers.admin.user-data"]`)
	key := "/settings?keys=host-containers.admin.user-data"
	root.want("GET", key, "", 200, `{"host-containers":{"admin":{"user-data":"c2VjcmV0"}}}`)
	other.want("GET", key, "", 200, `{"host-containers":{"admin":{"user-data":"(redacted)"}}}`)
	if all := other.do("GET", "/", "").Body.String(); strings.Contains(all, "c2VjcmV0") {
		t.Errorf("GET / tells the secret: %s", all)
	}
	other.refuse("PATCH", "/settings", `{"host-containers": {"admin": {"user-data": "(redacted)"}}}`, 400, "settings.host-containers.admin.user-data", "")
	audit := root.do("GET", "/audit", "").Body.String()
	if strings.Contains(audit, "c2VjcmV0") || !strings.Contains(audit, "host-containers.admin.user-data") {
		t.Errorf("audit log: %s", audit)
	}
}

func TestSource(t *testing.T) {
	root, s := newCaller(t)
	other := caller{t: t, h: root.h}
	other.refuse("PATCH", "/settings?source=user-data", `{"motd":"x"}`, 403, "source", "only root")
	root.refuse("PATCH", "/settings?source=default", `{"motd":"x"}`, 400, "source", "want api")
	root.want("PATCH", "/settings?source=generator", `{"network":{"hostname":"h"}}`, 204, "")
	root.want("PATCH", "/settings?source=user-data", `{"motd":"x"}`, 204, "")
	root.want("POST", "/tx/commit_and_apply?source=user-data", "", 200, `["settings.motd","settings.network.hostname"]`)
	if got := s.Manager.Store.Live()["motd"].Source; got != "user-data" {
		t.Errorf("source %q", got)
	}
	root.want("GET", "/metadata/setting-generators", "", 200, `{"settings.network.hostname":{"command":"slipway settings-boot","strength":"strong"},"settings.updates.seed":{"command":"slipway settings-boot","strength":"strong"}}`)
}

func TestAudit(t *testing.T) {
	c, _ := newCaller(t)
	c.want("PATCH", "/settings?tx=a", `{"motd": "hi"}`, 204, "")
	c.want("POST", "/tx/commit?tx=a", "", 200, `["settings.motd"]`)
	c.refuse("PATCH", "/settings", `{"motd": 42}`, 400, "settings.motd", "")
	c.do("GET", "/health", "")
	var page struct{ Records []map[string]any }
	if err := json.Unmarshal(c.do("GET", "/audit?lines=2", "").Body.Bytes(), &page); err != nil {
		t.Fatal(err)
	}
	for _, r := range page.Records {
		delete(r, "time")
	}
	who := map[string]any{"uid": 0.0, "gid": 0.0, "pid": 0.0, "exe": "/usr/bin/test", "door": "unix"}
	want := []map[string]any{
		{
			"seq": 2.0, "who": who, "action": "POST /tx/commit", "transaction": "a", "commit": 2.0,
			"changes": []any{map[string]any{"key": "motd", "before": "Welcome to Slipway", "after": "hi"}},
		},
		{"seq": 3.0, "who": who, "action": "PATCH /settings", "error": "400 Bad Request: settings.motd"},
	}
	if d := cmp.Diff(want, page.Records); d != "" {
		t.Errorf("records (-want +got):\n%s", d)
	}
}

func TestNoStore(t *testing.T) {
	c, s := newCaller(t)
	m := s.Manager
	s.Manager, s.StoreErr = nil, os.ErrPermission
	defer func() { s.Manager = m }()
	for _, target := range []string{"GET /", "GET /settings", "PATCH /settings", "DELETE /settings?keys=motd", "PATCH /settings/keypair", "GET /tx",
		"DELETE /tx", "GET /tx/list", "GET /tx/diff", "POST /tx/commit", "POST /tx/apply", "POST /tx/commit_and_apply", "POST /tx/try",
		"POST /tx/confirm", "POST /tx/revert", "GET /services"} {
		method, path, _ := strings.Cut(target, " ")
		c.refuse(method, path, `{}`, 503, "settings", "permission denied")
	}
	if w := c.do("GET", "/os", ""); w.Code != 200 {
		t.Errorf("GET /os: status %d", w.Code)
	}
}

func TestMetadata(t *testing.T) {
	c, _ := newCaller(t)
	chrony := `{"chronyd.service":{"configuration-files":["chrony"],"restart-commands":["systemctl try-restart chronyd.service"],"state":"inactive"}}`
	files := `{"chrony":{"path":"/etc/chrony.conf","template-path":"/usr/share/slipway/templates/chrony.tmpl","mode":"0644"}}`
	c.want("GET", "/services", "", 200, chrony)
	c.want("GET", "/services?names=chronyd.service", "", 200, chrony)
	c.want("GET", "/services?prefix=services.x", "", 200, `{}`)
	c.want("GET", "/?prefix=services", "", 200, `{"services":`+chrony+`}`)
	c.refuse("GET", "/services?names=x", "", 404, "names", "there is no")
	c.want("GET", "/configuration-files?prefix=chr", "", 200, files)
	c.want("GET", "/metadata/affected-services?keys=settings.ntp,motd", "", 200, `{"settings.motd":[],"settings.ntp":["chronyd.service"]}`)
	c.want("GET", "/metadata/templates?keys=ntp.time-servers", "", 200, `{"settings.ntp.time-servers":["chrony"]}`)
	c.want("GET", "/os?prefix=version", "", 200, `{"version_id":"0.1.0"}`)
	c.want("GET", "/?prefix=os.kernel", "", 200, `{"os":{"kernel":"6.12.43"}}`)
}

package metadataboot

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata/imds"
	"github.com/slipway-os/slipway/runtime/userdata/imds/imdstest"
)

// serveAPI serves on a unix socket. A GET answers with what state has; other
// requests are noted, and those to a path in refuse get that answer.
func serveAPI(t *testing.T, state, refuse map[string]string) (socket string, requests *[]string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "api") // t.TempDir is too long for a socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	socket = filepath.Join(dir, "sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	requests = &[]string{}
	srv := &httptest.Server{Listener: l, Config: &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		if r.Method == http.MethodGet {
			fmt.Fprint(w, state[r.URL.Path])
			return
		}
		*requests = append(*requests, strings.TrimSpace(fmt.Sprintf("%s %s %s", r.Method, r.URL, body)))
		if answer, ok := refuse[r.URL.Path]; ok {
			w.Header().Set("Content-Type", api.ContentTypeProblem)
			w.WriteHeader(http.StatusUnprocessableEntity)
			fmt.Fprint(w, answer)
		}
	})}}
	srv.Start()
	t.Cleanup(srv.Close)
	return socket, requests
}

const (
	tx     = "?tx=user-data-metadata"
	drop   = "DELETE /tx" + tx
	commit = "POST /tx/commit_and_apply" + tx + "&source=user-data"
)

func patch(source, body string) string {
	return "PATCH /settings" + tx + "&source=" + source + " " + body
}

const (
	vendor  = "/sys/class/dmi/id/sys_vendor"
	fwCfg   = "/sys/firmware/qemu_fw_cfg/by_name/opt/slipway/user-data/raw"
	motdHi  = "[settings]\nmotd = \"hi\"\n"
	hostIP  = "ip-10-0-0-1"
	problem = `{"type":"about:blank","title":"Unprocessable Content","status":422,"key":"settings.motd","detail":"is too rude"}`
)

// fresh is a host whose name was made up.
var fresh = map[string]string{
	"/settings":                    `{"network":{"hostname":"slipway-1"}}`,
	"/metadata/setting-generators": `{"settings.network.hostname":{"command":"c","strength":"weak"}}`,
}

func TestRun(t *testing.T) {
	for _, tc := range []struct {
		name    string
		host    map[string]string // beside EC2's vendor; "-" removes
		items   map[string]string
		state   map[string]string // answers to GET; nil: only generators have set anything
		refuse  map[string]string
		want    []string // requests
		outcome string   // "" for none, "ok", or the message's start
		marked  bool
	}{
		{name: "another machine", host: map[string]string{vendor: "-"}, items: map[string]string{imds.PathUserData: motdHi}},
		{name: "not the first boot", host: map[string]string{Marker: ""}, items: map[string]string{imds.PathUserData: motdHi}, marked: true},
		{name: "nothing there", outcome: "ok"},
		{
			name:  "user data and host name",
			items: map[string]string{imds.PathUserData: motdHi, imds.PathHostname: hostIP},
			want: []string{
				drop, patch("generator", `{"network":{"hostname":"ip-10-0-0-1"}}`),
				patch("user-data", `{"motd":"hi"}`), commit,
			},
			outcome: "ok", marked: true,
		},
		{
			name: "only the host name", items: map[string]string{imds.PathHostname: hostIP},
			want:    []string{drop, patch("generator", `{"network":{"hostname":"ip-10-0-0-1"}}`), commit},
			outcome: "ok",
		},
		{
			name: "nobody named the host", items: map[string]string{imds.PathHostname: hostIP},
			state:   map[string]string{"/settings": "{}", "/metadata/setting-generators": "{}"},
			want:    []string{drop, patch("generator", `{"network":{"hostname":"ip-10-0-0-1"}}`), commit},
			outcome: "ok",
		},
		{
			name: "somebody named the host", items: map[string]string{imds.PathHostname: hostIP},
			state:   map[string]string{"/settings": `{"network":{"hostname":"me"}}`, "/metadata/setting-generators": "{}"},
			outcome: "ok",
		},
		{
			name: "the host has that name", items: map[string]string{imds.PathHostname: "slipway-1"},
			outcome: "ok",
		},
		{
			name: "not this API", items: map[string]string{imds.PathHostname: hostIP},
			state:   map[string]string{"/settings": "{}", "/metadata/setting-generators": "[]"},
			outcome: "reading what generators have set: ",
		},
		{
			name: "user data that set nothing", items: map[string]string{imds.PathUserData: "# nothing\n"},
			outcome: "ok", marked: true,
		},
		{
			name:    "user data name the host",
			items:   map[string]string{imds.PathUserData: "[settings.network]\nhostname = \"me\"\n", imds.PathHostname: hostIP},
			want:    []string{drop, patch("user-data", `{"network":{"hostname":"me"}}`), commit},
			outcome: "ok", marked: true,
		},
		{
			name: "local user data name the host", host: map[string]string{fwCfg: "settings.network.hostname = \"me\"\n"},
			items:   map[string]string{imds.PathUserData: motdHi, imds.PathHostname: hostIP},
			want:    []string{drop, patch("user-data", `{"motd":"hi"}`), commit},
			outcome: "ok", marked: true,
		},
		{
			name:  "warning",
			items: map[string]string{imds.PathUserData: "[settings.kubernetes]\n"}, outcome: "EC2 metadata: line 1: settings.kubernetes: ", marked: true,
		},
		{
			name:    "mistake",
			items:   map[string]string{imds.PathUserData: "[settings]\nmotd = 1\n", imds.PathHostname: hostIP},
			want:    []string{drop, patch("generator", `{"network":{"hostname":"ip-10-0-0-1"}}`), commit},
			outcome: "line 2: settings.motd: is of the wrong type",
		},
		{
			name: "refused change", items: map[string]string{imds.PathUserData: motdHi}, refuse: map[string]string{"/settings": problem},
			want: []string{drop, patch("user-data", `{"motd":"hi"}`)}, outcome: "handing over the settings: PATCH /settings: Unprocessable Content: settings.motd: is too rude",
		},
		{
			name: "refused commit", items: map[string]string{imds.PathUserData: motdHi}, refuse: map[string]string{"/tx/commit_and_apply": "?"},
			want: []string{drop, patch("user-data", `{"motd":"hi"}`), commit}, outcome: "handing over the settings: POST /tx/commit_and_apply: HTTP status 422",
		},
		{
			name: "refused start", items: map[string]string{imds.PathUserData: motdHi}, refuse: map[string]string{"/tx": problem},
			want: []string{drop}, outcome: "handing over the settings: DELETE /tx: ",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if tc.state == nil {
				tc.state = fresh
			}
			socket, requests := serveAPI(t, tc.state, tc.refuse)
			b, console := newBoot(t, tc.host, tc.items)
			b.socket = socket
			if err := b.run(t.Context(), ""); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(append([]string{}, tc.want...), *requests); d != "" {
				t.Errorf("requests (-want +got):\n%s", d)
			}
			expectOutcome(t, b, tc.outcome, console.String())
			if _, err := os.Stat(b.path(Marker)); (err == nil) != tc.marked {
				t.Errorf("the marker: %v, want it: %t", err, tc.marked)
			}
		})
	}
}

// newBoot makes a host on EC2 whose service has the items.
func newBoot(t *testing.T, change, items map[string]string) (boot, *bytes.Buffer) {
	t.Helper()
	srv := httptest.NewServer(&imdstest.Service{Items: items})
	t.Cleanup(srv.Close)
	root := t.TempDir()
	files := map[string]string{vendor: "Amazon EC2\n", "/var/lib/slipway/.keep": ""}
	for path, content := range change {
		files[path] = content
	}
	for path, content := range files {
		if content == "-" {
			continue
		}
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var console bytes.Buffer
	return boot{
		root: root, schema: settings.Base(), console: &console, log: io.Discard,
		timeout: time.Minute, getter: &imds.Client{Base: srv.URL},
	}, &console
}

func expectOutcome(t *testing.T, b boot, want, console string) {
	t.Helper()
	doc, err := os.ReadFile(b.path(Outcome))
	if want == "" {
		if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("outcome %q, %v, want none", doc, err)
		}
		return
	}
	var got api.Check
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatalf("outcome %q: %v", doc, err)
	}
	switch {
	case got.Name != "metadata":
		t.Errorf("outcome %+v has another name", got)
	case want == "ok":
		if !got.OK || got.Message != "" || console != "" {
			t.Errorf("outcome %+v, console %q, want that all is well", got, console)
		}
	case !strings.HasPrefix(got.Message, want) || !strings.Contains(console, want):
		t.Errorf("outcome %+v, console %q, want %q", got, console, want)
	case got.OK != strings.HasPrefix(want, "EC2 metadata: "): // a warning
		t.Errorf("outcome %+v", got)
	}
}

// silent is a service that does not answer.
type silent struct{}

func (silent) Get(ctx context.Context, _ string) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func TestRunGivesUp(t *testing.T) {
	b, console := newBoot(t, nil, nil)
	b.getter, b.timeout = silent{}, time.Millisecond
	if err := b.run(t.Context(), "http://example"); err != nil {
		t.Fatal(err)
	}
	expectOutcome(t, b, "context deadline exceeded (EC2 metadata)", console.String())
}

func TestRunWithoutAPI(t *testing.T) {
	b, console := newBoot(t, nil, map[string]string{imds.PathUserData: motdHi})
	b.socket = filepath.Join(b.root, "none")
	if err := b.run(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	expectOutcome(t, b, "handing over the settings: asking the API: ", console.String())
	if _, err := os.Stat(b.path(Marker)); err == nil {
		t.Error("what was not handed over is marked as taken in")
	}
}

// TestRunWithoutSTATE: the marker cannot be written.
func TestRunWithoutSTATE(t *testing.T) {
	socket, _ := serveAPI(t, fresh, nil)
	b, console := newBoot(t, nil, map[string]string{imds.PathUserData: motdHi})
	b.socket = socket
	if err := os.RemoveAll(b.path("/var")); err != nil {
		t.Fatal(err)
	}
	if err := b.run(t.Context(), ""); err != nil {
		t.Fatal(err)
	}
	expectOutcome(t, b, "noting that the metadata were taken in: ", console.String())
}

func TestMainUsage(t *testing.T) {
	for _, args := range [][]string{{"x"}, {"--timeout", "soon"}, {"--nonsense"}} {
		if err := Main(args, io.Discard, io.Discard); !errors.Is(err, multicall.ErrUsage) {
			t.Errorf("Main(%q) = %v, want wrong usage", args, err)
		}
	}
	var help bytes.Buffer
	if err := Main([]string{"--help"}, io.Discard, &help); err == nil || !strings.Contains(help.String(), "Usage: metadata-boot") {
		t.Errorf("--help: %v, %q", err, help.String())
	}
}

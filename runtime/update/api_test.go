package update_test

import (
	"bytes"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/api/apitest"
	"github.com/slipway-os/slipway/runtime/apiclient"
)

// client is apiclient on a host whose API passes requests on to an updater.
type client struct {
	t      *testing.T
	socket string
}

func serve(t *testing.T, h *fakeHost) client {
	t.Helper()
	host := apitest.Serve(t)
	must(t, host.Write(filepath.Dir(api.UpdaterSocket)+"/.keep", ""))
	l, err := net.Listen("unix", filepath.Join(host.Root, api.UpdaterSocket))
	must(t, err)
	s := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h.updater.Handler().ServeHTTP(w, r) })}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return client{t, host.Socket}
}

// run returns what a command prints and its error, "" if it had none.
func (c client) run(args ...string) (stdout, stderr, failed string) {
	c.t.Helper()
	var out, errs bytes.Buffer
	if err := apiclient.Main(append([]string{"--socket", c.socket}, args...), &out, &errs); err != nil {
		failed = err.Error()
	}
	return out.String(), errs.String(), failed
}

func (c client) want(text string, args ...string) {
	c.t.Helper()
	out, errs, failed := c.run(args...)
	if failed != "" || !strings.Contains(out+errs, text) {
		c.t.Errorf("%q prints\n%s%s%s\nwant %q", args, out, errs, failed, text)
	}
}

func (c client) fails(text string, args ...string) {
	c.t.Helper()
	if _, _, failed := c.run(args...); !strings.Contains(failed, text) {
		c.t.Errorf("%q fails with %q, want %q", args, failed, text)
	}
}

func TestClient(t *testing.T) {
	one, two := version(t, "1.0.0", "base"), version(t, "1.1.0", "base")
	h := newHost(t, one)
	c := serve(t, h)
	c.want("State     Idle\nRunning   1.0.0 in slot A, boots next\n", "update", "status")
	c.want("There is no update to apply.", "update", "apply", "--check")
	c.fails("no version that was good once", "update", "rollback")
	c.fails("nothing is under way", "update", "cancel")
	c.fails("did not fail here", "update", "forget", "1.1.0")
	c.fails("want a version, or --all", "update", "forget")
	h.publish(two, nil)
	c.want("Update    1.1.0\n", "update", "check")
	out, errs, failed := c.run("update", "apply")
	if failed != "" || !strings.Contains(errs, `The next boot is of version 1.1.0, slot B: run "apiclient reboot".`) {
		t.Fatalf("apply prints %q, %q, %q", out, errs, failed)
	}
	c.want("Prepared  1.1.0 in slot B, boots next\n", "update", "status")
	out, _, _ = c.run("update", "status", "--json")
	var st api.UpdateStatus
	if err := json.Unmarshal([]byte(out), &st); err != nil || st.UpdateState != api.UpdateReady || st.MostRecentCommand.Type != "activate" {
		t.Errorf("status is %+v, %v", st, err)
	}
	c.fails("409", "raw", "-m", "POST", "-u", api.PathPrepareUpdate)
	c.want("", "update", "cancel")
	c.want("Restarting into version 1.1.0, slot B.", "update", "apply", "-r")
	h.booted(two, "B")
	h.reboot()
	c.want("The next boot is of version 1.0.0, slot A", "update", "rollback")
	h.reboot()
	c.want("Refused   1.1.0 failed at ", "update", "status")
	c.want("", "update", "forget", "--all")
	c.want("Update    1.1.0\n", "update", "check")
}

// Statuses are Bottlerocket's: 404, 409 and 423.
func TestStatuses(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	c := serve(t, h)
	api1 := apiclient.New(c.socket)
	for _, tt := range []struct {
		path   string
		status int
	}{
		{api.PathPrepareUpdate, 404}, {api.PathActivateUpdate, 404}, {api.PathDeactivateUpdate, 409}, {api.PathCancelUpdate, 409},
		{api.PathRollback, 404}, {api.PathForgetFailed + "?version=9.9.9", 404}, {api.PathForgetFailed, 204}, {api.PathRefreshUpdates, 204},
	} {
		status, header, body, err := api1.Do(t.Context(), http.MethodPost, tt.path, nil)
		if err != nil || status != tt.status {
			t.Errorf("POST %s: status %d, %v, want %d: %s", tt.path, status, err, tt.status, body)
		}
		if status >= 400 && header.Get("Content-Type") != api.ContentTypeProblem {
			t.Errorf("POST %s: %q is no problem document", tt.path, body)
		}
		h.wait()
	}
}

func TestNoUpdater(t *testing.T) {
	c := client{t, apitest.Serve(t).Socket}
	c.fails("the updater does not answer", "update", "status")
	c.fails("the updater does not answer", "update", "check")
}

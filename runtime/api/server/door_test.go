package server

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/apiclient"
)

// newDoor is a server with a door that is a socket, kept as the setting says.
func newDoor(t *testing.T) (s *Server, d *door, socket string, c caller) {
	t.Helper()
	s, _ = newServer(t, nil)
	socket = filepath.Join(t.TempDir(), "port")
	d = &door{log: s.Log, find: func() (net.Listener, error) { return net.Listen("unix", socket) }}
	s.Changed = func([]string) { d.set(s.doorWanted()) }
	d.handler = s.Handler()
	t.Cleanup(func() { d.shutdown(context.Background()) })
	return s, d, socket, caller{t: t, h: d.handler, root: true}
}

func awaitClosed(t *testing.T, d *door) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	d.shutdown(ctx)
	if ctx.Err() != nil {
		t.Fatal("the door stays open")
	}
}

func TestDoorFollowsTheSetting(t *testing.T) {
	s, d, socket, c := newDoor(t)
	s.Changed(nil)
	if _, err := os.Stat(socket); err == nil {
		t.Error("the door is open by default")
	}
	for range 2 {
		c.want("PATCH", "/settings", `{"api":{"virtio-serial":true}}`, 204, "")
		c.want("POST", "/tx/commit_and_apply", "", 200, `["settings.api.virtio-serial"]`)
		through := apiclient.New(socket)
		if _, err := through.OS(context.Background()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff([]api.Check{{Name: "virtio-serial", OK: true}}, d.checks()); d != "" {
			t.Errorf("checks (-want +got):\n%s", d)
		}
		// Whoever closes the door from its other side gets the answer.
		for _, step := range [][3]string{{"PATCH", "/settings", `{"api":{"virtio-serial":false}}`}, {"POST", "/tx/commit_and_apply", ""}} {
			status, _, body, err := through.Do(context.Background(), step[0], step[1], []byte(step[2]))
			if err != nil || status > 299 {
				t.Fatalf("%s %s: status %d %s, %v", step[0], step[1], status, body, err)
			}
		}
		awaitClosed(t, d)
		if _, err := apiclient.New(socket).OS(context.Background()); err == nil {
			t.Error("the door is still open")
		}
		if got := d.checks(); len(got) > 0 {
			t.Errorf("checks of a closed door: %+v", got)
		}
	}
}

func TestDoorCannotOpen(t *testing.T) {
	_, d, _, _ := newDoor(t)
	d.find = func() (net.Listener, error) { return nil, errors.New("no such port") }
	d.set(true)
	if d := cmp.Diff([]api.Check{{Name: "virtio-serial", Message: "no such port"}}, d.checks()); d != "" {
		t.Errorf("checks (-want +got):\n%s", d)
	}
	d.set(false)
	if got := d.checks(); len(got) > 0 {
		t.Errorf("checks of a closed door: %+v", got)
	}
}

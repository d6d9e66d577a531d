package bootstrap

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/api"
)

// fakeAPI answers at a socket; answers are statuses, the last one for ever.
func fakeAPI(t *testing.T, answers ...int) (s *Setter, requests *[]string) {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "api.sock")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	requests = &[]string{}
	srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		*requests = append(*requests, r.Method+" "+r.URL.String()+" "+string(b))
		status := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		w.WriteHeader(status)
		if status >= 400 {
			fmt.Fprintf(w, `{"title":"Refused","status":%d,"detail":"because","key":"settings.x"}`, status)
		}
	})}
	go srv.Serve(l)
	t.Cleanup(func() { srv.Close() })
	s = NewSetter(socket)
	s.pause = 1
	return s, requests
}

const (
	patch  = `PATCH /settings?tx=bootstrap-containers {"bootstrap-containers":{"disks":{"mode":"off"}}}`
	commit = `POST /tx/commit_and_apply?tx=bootstrap-containers `
)

func TestSetOff(t *testing.T) {
	s, requests := fakeAPI(t, http.StatusNoContent, http.StatusOK)
	if err := s.SetOff(t.Context(), "bootstrap-containers", "disks"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{patch, commit}, *requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestSetOffWaitsForTheAPI(t *testing.T) {
	s, requests := fakeAPI(t, 204, 500, 204, 200)
	if err := s.SetOff(t.Context(), "bootstrap-containers", "disks"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{patch, commit, patch, commit}, *requests); diff != "" {
		t.Errorf("requests (-want +got):\n%s", diff)
	}
}

func TestSetOffRefused(t *testing.T) {
	s, requests := fakeAPI(t, http.StatusBadRequest)
	err := s.SetOff(t.Context(), "bootstrap-containers", "disks")
	var p *api.Problem
	if !errors.As(err, &p) || p.Detail != "because" || len(*requests) != 1 {
		t.Errorf("SetOff() = %v after %q", err, *requests)
	}
}

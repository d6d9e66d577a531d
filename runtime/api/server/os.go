package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/host"
)

// buildIDDigits of the root hash name a build whose os-release does not.
const buildIDDigits = 16

// getOS answers with all that could be found out; what could not is in the
// journal and leaves its fields empty, for a host in trouble still answers.
func (s *Server) getOS(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	if !q.Has("prefix") {
		return writeJSON(w, http.StatusOK, s.os())
	}
	prefix := strings.TrimPrefix(q.Get("prefix"), "os.")
	if prefix == "" {
		return problem(http.StatusBadRequest, "prefix", "is empty")
	}
	if prefix == "os" {
		prefix = ""
	}
	fields, err := s.osFields(prefix)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, fields)
}

func (s *Server) os() api.OS {
	os, err := s.describe()
	if err != nil {
		s.Log.Warn("GET /os is incomplete", "error", err)
	}
	return os
}

// osFields are the fields of GET /os whose names begin with prefix.
func (s *Server) osFields(prefix string) (map[string]any, error) {
	b, err := json.Marshal(s.os())
	if err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	var fields map[string]any
	if err := json.Unmarshal(b, &fields); err != nil {
		return nil, fmt.Errorf("encoding the answer: %w", err)
	}
	maps.DeleteFunc(fields, func(name string, _ any) bool { return !strings.HasPrefix(name, prefix) })
	return fields, nil
}

func (s *Server) describe() (api.OS, error) {
	release, err1 := s.Host.Release()
	kernel, err2 := s.Host.Kernel()
	root, err3 := s.Host.RootFS()
	state, err4 := s.Host.StateFS()
	uptime, err5 := s.Host.Uptime()
	os := api.OS{
		Name: release.Name, PrettyName: release.PrettyName, VariantID: release.VariantID,
		VersionID: release.VersionID, BuildID: release.BuildID,
		Arch: host.Arch(), Kernel: kernel, Slot: root.Slot, RootHash: root.RootHash,
		Root:  api.Root{Device: root.Device, FSType: root.FSType, ReadOnly: root.ReadOnly, Verity: root.Verity},
		State: api.State{Device: state.Device, FSType: state.FSType, SizeBytes: state.Size, AvailableBytes: state.Available},
		Boot:  api.Boot{ID: s.Boot.BootID, Count: s.Boot.Count, FirstBoot: s.Boot.FirstBoot, UptimeSeconds: uptime.Seconds()},
	}
	if os.BuildID == "" && len(root.RootHash) >= buildIDDigits {
		os.BuildID = root.RootHash[:buildIDDigits]
	}
	return os, errors.Join(err1, err2, err3, err4, err5)
}

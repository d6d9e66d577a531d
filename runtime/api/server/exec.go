package server

import (
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/containers"
	"github.com/slipway-os/slipway/runtime/containers/ctrd"
	"github.com/slipway-os/slipway/runtime/containers/exec"
)

// openExec adds the route that runs commands in containers of the host's own
// containerd. The caller waits for what it returns before the daemon ends.
func (s *Server) openExec() *exec.Server {
	run := &exec.Server{Log: s.Log, Started: func(r *http.Request, container, program string) {
		s.append(audit.Record{Who: PeerOf(r).who(), Action: fmt.Sprintf("exec %s %s", container, program)})
	}}
	engine, err := ctrd.Dial(containers.HostSocket, containers.HostNamespace, s.Host.Root)
	if err != nil {
		s.Log.Error("commands in containers cannot be run", "error", err)
		return run
	}
	run.Runtime = engine
	s.More = append(s.More, execRoute(run))
	return run
}

func execRoute(run *exec.Server) Route {
	return Route{
		Method: http.MethodGet, Path: api.PathExec, Summary: "Run a command in a host container, over a websocket; docs/reference/exec.md has the protocol.",
		Answers: []Content{{Status: http.StatusSwitchingProtocols, Doc: "the websocket"}},
		Handle: func(w http.ResponseWriter, r *http.Request) error {
			if PeerOf(r).Door == doorSerial {
				return problem(http.StatusNotImplemented, "", "a command needs a connection of its own, which a serial port cannot give")
			}
			if !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
				w.Header().Set("Upgrade", "websocket")
				return problem(http.StatusUpgradeRequired, "", "commands run over a websocket")
			}
			if err := run.Serve(w, r); errors.Is(err, exec.ErrBusy) {
				return problem(http.StatusTooManyRequests, "", "%v", err)
			}
			return nil
		},
	}
}

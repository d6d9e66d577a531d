package server

import (
	"net/http"
	"path/filepath"
	"strconv"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/settings"
)

// auditDir is where the audit log is.
const auditDir = "/var/lib/slipway/audit"

// maxRecords is how many records one answer has at most.
const maxRecords = 10_000

// openAudit opens the audit log. Without one the API serves all the same:
// undoing the cause (a full disk, say) may need a change.
func (s *Server) openAudit() api.Check {
	check := api.Check{Name: "audit-log", OK: true}
	schema := s.schema()
	var err error
	s.Audit, err = audit.Open(audit.Options{
		Dir: filepath.Join(s.Host.Root, auditDir), Sensitive: func(key string) bool { return secret(schema, key) },
	})
	if err != nil {
		s.Log.Error("no audit log", "error", err)
		check.OK, check.Message = false, oneLine(err)
	}
	return check
}

// secret reports whether a setting's values are; one that is not known counts
// as one.
func secret(schema *settings.Schema, key string) bool {
	k, err := settings.ParseKey(key)
	if err != nil {
		return true
	}
	n, ok := schema.Find(k)
	return !ok || n.Sensitive
}

// recordRequest keeps who asked for a change and what became of it.
func (s *Server) recordRequest(r *http.Request, n *note, status int) {
	s.requests.WithLabelValues(methodLabel(r.Method), strconv.Itoa(status)).Inc()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return
	}
	s.append(audit.Record{
		Who: PeerOf(r).who(), Action: r.Method + " " + r.URL.Path, Transaction: n.tx, Commit: n.commit, Changes: n.changes, Error: n.err,
	})
}

// who is the peer as the audit log has it.
func (p Peer) who() audit.Who {
	who := audit.Who{UID: audit.Unknown, GID: audit.Unknown, PID: audit.Unknown, Exe: p.Exe, Door: p.Door}
	if p.Cred != nil {
		who.UID, who.GID, who.PID = int(p.Cred.Uid), int(p.Cred.Gid), int(p.Cred.Pid)
	}
	return who
}

// methodLabel keeps made-up methods from becoming figures.
func methodLabel(method string) string {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete:
		return method
	}
	return "other"
}

// recordRevert keeps that the daemon took a change back because nobody
// confirmed it.
func (s *Server) recordRevert(keys []string, err error) {
	r := audit.Record{
		Who:    audit.Who{UID: audit.Unknown, GID: audit.Unknown, PID: audit.Unknown, Door: doorDaemon},
		Action: "revert", Changes: changesOf(keys),
	}
	if err != nil {
		r.Error = oneLine(err)
	}
	s.append(r)
}

func (s *Server) append(r audit.Record) {
	if s.Audit == nil {
		return
	}
	if _, err := s.Audit.Append(r); err != nil {
		s.Log.Error("audit log", "error", err, "action", r.Action, "door", r.Who.Door)
	}
}

// getAudit answers with a part of the log: from a number on, or the last lines.
func (s *Server) getAudit(w http.ResponseWriter, r *http.Request) error {
	from, err := numberParam(r, "from", 0)
	if err != nil {
		return err
	}
	lines, err := numberParam(r, "lines", maxRecords)
	if err != nil {
		return err
	}
	page, err := s.auditPage(from, min(lines, maxRecords))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, page)
}

// auditPage is up to n records from a number on; the last n if it is 0.
func (s *Server) auditPage(from, n uint64) (audit.Page, error) {
	if s.Audit == nil {
		return audit.Page{}, problem(http.StatusServiceUnavailable, "", "there is no audit log")
	}
	if last := s.Audit.Last(); from == 0 && last > n {
		from = last - n + 1
	}
	return s.Audit.Read(from, int(n))
}

func numberParam(r *http.Request, name string, missing uint64) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return missing, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return 0, problem(http.StatusBadRequest, name, "%q is no number from 0 on", shorten(text))
	}
	return n, nil
}

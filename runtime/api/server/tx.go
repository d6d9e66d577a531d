package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// applyTimeout bounds the rendering and the restarts of one change. A client
// that goes away does not end them: half a change is worse than one too many.
const applyTimeout = 5 * time.Minute

var txForm = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$`)

// txParam is the request's transaction.
func txParam(r *http.Request) (string, error) {
	q := r.URL.Query()
	if !q.Has("tx") {
		return api.DefaultTx, nil
	}
	tx := q.Get("tx")
	if !txForm.MatchString(tx) {
		return "", problem(http.StatusBadRequest, "tx", "%q is no name: want 1 to 64 letters, digits, dots, dashes and underscores", shorten(tx))
	}
	return tx, nil
}

// transaction is what the handlers of one transaction begin with.
func (s *Server) transaction(r *http.Request) (*config.Manager, string, error) {
	m, err := s.manager()
	if err != nil {
		return nil, "", err
	}
	tx, err := txParam(r)
	return m, tx, err
}

// getTx answers with what a transaction would set.
func (s *Server) getTx(w http.ResponseWriter, r *http.Request) error {
	m, tx, err := s.transaction(r)
	if err != nil {
		return err
	}
	change, err := pending(m.Store, tx)
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m.Schema.Nest(show(PeerOf(r), m.Schema, change.Set.Values())))
}

// pending is what a transaction holds; one that does not exist holds nothing.
func pending(st *store.Store, tx string) (store.Change, error) {
	change, err := st.Pending(tx)
	if errors.Is(err, store.ErrNoPending) {
		return store.Change{}, nil
	}
	return change, problemOf(err)
}

// deleteTx drops a transaction and answers with the keys that it held.
func (s *Server) deleteTx(w http.ResponseWriter, r *http.Request) error {
	m, tx, err := s.transaction(r)
	if err != nil {
		return err
	}
	change, err := pending(m.Store, tx)
	if err != nil {
		return err
	}
	keys := append(keysOf(change.Set.Values()), change.Removed...)
	noteOf(r).about(tx, keys)
	if err := m.Store.Drop(tx); err != nil && !errors.Is(err, store.ErrNoPending) {
		return problemOf(err)
	}
	return writeJSON(w, http.StatusOK, fullKeys(keys))
}

func (s *Server) listTx(w http.ResponseWriter, _ *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	names := m.Store.Transactions()
	if names == nil {
		names = []string{}
	}
	return writeJSON(w, http.StatusOK, names)
}

// fullKeys are keys as the API writes them; the list is never nil.
func fullKeys(keys []string) []string {
	full := []string{}
	for _, k := range keys {
		full = append(full, fullKey(k))
	}
	return full
}

// deltaKeys lists what a commit changed.
func deltaKeys(deltas []store.Delta) []string {
	var keys []string
	for _, d := range deltas {
		keys = append(keys, d.Key)
	}
	return keys
}

// commit is the handler of /tx/commit and /tx/commit_and_apply.
func (s *Server) commit(apply bool) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		m, tx, err := s.transaction(r)
		if err != nil {
			return err
		}
		if _, err := sourceParam(r); err != nil {
			return err
		}
		dry, err := flagParam(r, "dry-run")
		if err != nil {
			return err
		}
		if dry {
			return s.answerDiff(w, r, m, tx, true)
		}
		keys, err := s.commitTx(r, m, tx, apply)
		if err != nil {
			return err
		}
		return writeJSON(w, http.StatusOK, fullKeys(keys))
	}
}

// commitTx makes a transaction the live settings, one after the other.
func (s *Server) commitTx(r *http.Request, m *config.Manager, tx string, apply bool) ([]string, error) {
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.refuseDuringTrial(); err != nil {
		return nil, err
	}
	if err := somethingPending(m.Store, tx); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), applyTimeout)
	defer cancel()
	c, err := m.Commit(ctx, tx, apply)
	keys := deltaKeys(c.Deltas)
	if c.Warning != nil {
		s.Log.Warn("settings", "warning", c.Warning)
	}
	if c.Seq > 0 {
		n := noteOf(r)
		n.tx, n.commit, n.changes = tx, c.Seq, audit.Changes(c.Deltas)
		s.changed(keys)
	}
	switch {
	case err == nil:
		return keys, nil
	case c.Seq > 0:
		return nil, fmt.Errorf("the settings are committed: %w", err)
	default:
		return nil, problemOf(err)
	}
}

// somethingPending refuses to commit nothing, as Bottlerocket does.
func somethingPending(st *store.Store, tx string) error {
	change, err := pending(st, tx)
	if err != nil {
		return err
	}
	if len(change.Set) == 0 && len(change.Removed) == 0 {
		return problem(http.StatusUnprocessableEntity, "tx", "nothing is pending in the transaction %s", tx)
	}
	return nil
}

// applyKeys makes the files that depend on the keys, all files without keys, and
// restarts what uses those that changed.
func (s *Server) applyKeys(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	given, err := keysParam(r, m.Schema)
	if err != nil {
		return err
	}
	noteOf(r).about("", keyNames(given))
	s.changing.Lock()
	defer s.changing.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), applyTimeout)
	defer cancel()
	if err := m.Apply(ctx, keyNames(given)); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// keyNames is nil only if keys is.
func keyNames(keys []settings.Key) []string {
	var names []string
	for _, k := range keys {
		names = append(names, k.String())
	}
	return names
}

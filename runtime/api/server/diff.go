package server

import (
	"errors"
	"net/http"
	"slices"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// getTxDiff answers with what committing the transaction would change, valid or
// not.
func (s *Server) getTxDiff(w http.ResponseWriter, r *http.Request) error {
	m, tx, err := s.transaction(r)
	if err != nil {
		return err
	}
	return s.answerDiff(w, r, m, tx, false)
}

// answerDiff also tells, if asked, whether the commit would be refused.
func (s *Server) answerDiff(w http.ResponseWriter, r *http.Request, m *config.Manager, tx string, check bool) error {
	deltas, err := m.Store.Diff(tx)
	if err != nil && !errors.Is(err, store.ErrNoPending) {
		return problemOf(err)
	}
	noteOf(r).about(tx, deltaKeys(deltas))
	if check {
		if err := somethingPending(m.Store, tx); err != nil {
			return err
		}
		if err := wouldHold(m, deltas); err != nil {
			return problemOf(err)
		}
	}
	return writeJSON(w, http.StatusOK, describeDiff(PeerOf(r), m, deltas))
}

// wouldHold checks the settings that there would be with the changes, and that
// every file can be made of them.
func wouldHold(m *config.Manager, deltas []store.Delta) error {
	v := m.Store.Live().Values()
	for _, d := range deltas {
		if d.After == nil {
			delete(v, d.Key)
			continue
		}
		v[d.Key] = d.After
	}
	v = m.Schema.WithDefaults(v)
	if err := m.Schema.Check(v); err != nil {
		return err
	}
	return m.Templates.Check(m.Root, m.Schema.Nest(v))
}

func describeDiff(p Peer, m *config.Manager, deltas []store.Delta) api.Diff {
	d := api.Diff{Changes: []api.Delta{}, Files: []string{}, Units: []string{}}
	for _, c := range deltas {
		before, after := settings.Values{}, settings.Values{}
		if c.Before != nil {
			before[c.Key] = c.Before
		}
		if c.After != nil {
			after[c.Key] = c.After
		}
		d.Changes = append(d.Changes, api.Delta{
			Key: fullKey(c.Key), Before: show(p, m.Schema, before)[c.Key], After: show(p, m.Schema, after)[c.Key],
		})
	}
	for _, t := range m.Templates.Affected(deltaKeys(deltas)) {
		d.Files = append(d.Files, t.Header.Path)
		d.Units = append(d.Units, unitsOf(t)...)
	}
	slices.Sort(d.Files)
	slices.Sort(d.Units)
	d.Units = slices.Compact(d.Units)
	return d
}

// unitsOf lists the units that a template restarts or reloads.
func unitsOf(t *render.Template) []string {
	return slices.Concat(t.Header.Restart, t.Header.TryRestart, t.Header.Reload)
}

package server

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/store"
)

// Bounds of a trial.
const (
	defaultTrial = 60 * time.Second
	minTrial     = time.Second
	maxTrial     = time.Hour
	retryRevert  = 10 * time.Second // when taking it back failed
)

// A trial is a change that is in force and waits to be confirmed. Guarded by
// Server.changing.
type trial struct {
	trialRecord
	timer *time.Timer
	ends  time.Time // by the monotonic clock
}

// refuseDuringTrial keeps other changes away, because taking back a trial
// takes back everything since. The caller holds s.changing.
func (s *Server) refuseDuringTrial() error {
	if s.trial == nil {
		return nil
	}
	return problem(http.StatusConflict, "tx", "a change is on trial for %s more: POST %s or %s first",
		time.Until(s.trial.ends).Round(time.Second), api.PathTxConfirm, api.PathTxRevert)
}

// postTry commits and applies a transaction and takes it back after a while if
// nobody confirms it. How to take it back is written down first.
func (s *Server) postTry(w http.ResponseWriter, r *http.Request) error {
	m, tx, err := s.transaction(r)
	if err != nil {
		return err
	}
	timeout, err := timeoutParam(r)
	if err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if err := s.beginTrial(r, m, tx, timeout); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, s.describeTrial())
}

func timeoutParam(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("timeout")
	if text == "" {
		return defaultTrial, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < minTrial || d > maxTrial {
		return 0, problem(http.StatusBadRequest, "timeout", "%q is no duration from %s to %s, such as 60s", shorten(text), minTrial, maxTrial)
	}
	return d, nil
}

func (s *Server) beginTrial(r *http.Request, m *config.Manager, tx string, timeout time.Duration) error {
	if err := s.refuseDuringTrial(); err != nil {
		return err
	}
	if err := somethingPending(m.Store, tx); err != nil {
		return err
	}
	record, err := s.wayBack(m, tx, timeout)
	if err != nil {
		return problemOf(err)
	}
	noteOf(r).about(tx, record.Keys)
	if err := record.write(s.Host.Root); err != nil {
		return problemOf(err)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), applyTimeout)
	defer cancel()
	c, err := m.Commit(ctx, tx, true)
	if c.Seq == 0 { // nothing was changed
		return problemOf(errors.Join(err, removeTrial(s.Host.Root)))
	}
	n := noteOf(r)
	n.commit, n.changes = c.Seq, audit.Changes(c.Deltas)
	s.arm(m, record, timeout)
	s.changed(record.Keys)
	if err != nil { // it does not even apply: there is nothing to try
		return fmt.Errorf("applying the change failed, it was taken back: %w", errors.Join(err, s.revert(ctx, m)))
	}
	return nil
}

// wayBack describes how to take back the commit of a transaction.
func (s *Server) wayBack(m *config.Manager, tx string, timeout time.Duration) (trialRecord, error) {
	deltas, err := m.Store.Diff(tx)
	if err != nil {
		return trialRecord{}, err
	}
	uptime, err := s.Host.Uptime()
	if err != nil {
		return trialRecord{}, err
	}
	before := m.Store.Live()
	for key, e := range before {
		if e.Source == store.SourceDefault {
			delete(before, key)
		}
	}
	return trialRecord{
		Before: before, Seq: m.Store.Seq() + 1, Keys: deltaKeys(deltas),
		BootID: s.Boot.BootID, Deadline: (uptime + timeout).Seconds(),
	}, nil
}

// arm takes the change back when its time is up. The caller holds s.changing.
func (s *Server) arm(m *config.Manager, record trialRecord, left time.Duration) {
	t := &trial{trialRecord: record, ends: time.Now().Add(left)}
	s.trial = t
	t.timer = time.AfterFunc(left, func() {
		s.changing.Lock()
		defer s.changing.Unlock()
		if s.trial != t {
			return // it was confirmed a moment ago
		}
		ctx, cancel := context.WithTimeout(context.Background(), applyTimeout)
		defer cancel()
		err := s.revert(ctx, m)
		s.recordRevert(record.Keys, err)
		if err != nil {
			s.Log.Error("taking back a change that was not confirmed", "error", err)
		}
	})
}

// revert takes the change on trial back. If that fails it is tried again.
// The caller holds s.changing.
func (s *Server) revert(ctx context.Context, m *config.Manager) error {
	t := s.trial
	t.timer.Stop()
	c, err := m.Restore(ctx, t.Before, t.Seq)
	switch {
	case errors.Is(err, store.ErrMoved): // the change was never made, or is taken back already
		s.trial = nil
		return removeTrial(s.Host.Root)
	case c.Seq == 0:
		s.arm(m, t.trialRecord, retryRevert)
		return fmt.Errorf("taking the change back: %w", err)
	}
	s.trial = nil
	s.changed(t.Keys)
	return errors.Join(err, removeTrial(s.Host.Root))
}

// resumeTrial goes on with a trial that the daemon's predecessor began.
func (s *Server) resumeTrial(ctx context.Context, m *config.Manager) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	record, err := readTrial(s.Host.Root)
	if record == nil || err != nil {
		return err
	}
	uptime, err := s.Host.Uptime()
	if err != nil {
		return err
	}
	left := record.left(s.Boot.BootID, uptime)
	s.arm(m, *record, max(left, minTrial))
	if left > 0 && m.Store.Seq() == record.Seq {
		s.Log.Warn("a change is on trial", "keys", record.Keys, "left", left)
		return nil
	}
	err = s.revert(ctx, m)
	s.recordRevert(record.Keys, err)
	return err
}

// pauseTrial leaves a trial to the daemon's successor.
func (s *Server) pauseTrial() {
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.trial != nil {
		s.trial.timer.Stop()
		s.trial = nil
	}
}

// postConfirm ends the trial: the change stays.
func (s *Server) postConfirm(w http.ResponseWriter, r *http.Request) error {
	return s.endTrial(w, r, func(*config.Manager) error {
		if err := removeTrial(s.Host.Root); err != nil {
			return err
		}
		s.trial.timer.Stop()
		s.trial = nil
		return nil
	})
}

// postRevert ends the trial: the change is taken back at once.
func (s *Server) postRevert(w http.ResponseWriter, r *http.Request) error {
	return s.endTrial(w, r, func(m *config.Manager) error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), applyTimeout)
		defer cancel()
		return s.revert(ctx, m)
	})
}

func (s *Server) endTrial(w http.ResponseWriter, r *http.Request, end func(*config.Manager) error) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	if s.trial == nil {
		return problem(http.StatusConflict, "", "no change is on trial")
	}
	keys := s.trial.Keys
	noteOf(r).about("", keys)
	if err := end(m); err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, fullKeys(keys))
}

// getTry tells whether a change is on trial.
func (s *Server) getTry(w http.ResponseWriter, _ *http.Request) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	return writeJSON(w, http.StatusOK, s.describeTrial())
}

func (s *Server) describeTrial() api.Try {
	if s.trial == nil {
		return api.Try{Keys: []string{}}
	}
	return api.Try{Pending: true, Keys: fullKeys(s.trial.Keys), Seconds: max(0, time.Until(s.trial.ends).Seconds())}
}

package bootstate

import (
	"encoding/json"

	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
)

// A Status is what boots, and what is meant to. It is shown as JSON.
type Status struct {
	Running intent.Version `json:"running"`
	// State is committed, trial or unknown, the last where there is no entry.
	State   string  `json:"state"`
	Entries []Entry `json:"entries"` // in the loader's order
	// Next is the file that the loader will start, "" if there is none.
	Next   string           `json:"next"`
	Intent *intent.Intent   `json:"intent"`
	Failed []intent.Failure `json:"failed"`
	Note   string           `json:"note"` // what was wrong with the record
}

// An Entry is one boot entry.
type Entry struct {
	File     string `json:"file"`
	Version  string `json:"version"`
	RootHash string `json:"root_hash"`
	// State is committed, set-aside, trial, exhausted, staged or unreadable.
	State   string `json:"state"`
	Left    int    `json:"tries_left"`
	Done    int    `json:"tries_done"`
	Running bool   `json:"running"`
	Error   string `json:"error,omitempty"`
}

// Inspect says what boots, and changes nothing.
func (m *Manager) Inspect() (Status, error) {
	s := &session{Manager: m}
	var err error
	if s.rec, s.note, err = m.Record.Read(); err != nil {
		return Status{}, err
	}
	if err := s.list(); err != nil {
		return Status{}, err
	}
	st := Status{Running: m.Running.Version, State: "unknown", Intent: s.rec.Intent, Failed: s.rec.Failed, Note: s.note}
	if own := s.own(); own != nil {
		if st.State = "trial"; own.Proven() {
			st.State = "committed"
		}
	}
	for _, e := range s.entries {
		st.Entries = append(st.Entries, Entry{
			File: e.File, Version: e.Release, RootHash: e.RootHash, State: entryState(e.Name, e.Beside, e.Err),
			Left: e.Left, Done: e.Done, Running: e.Err == nil && e.RootHash == m.Running.RootHash, Error: errorText(e.Err),
		})
	}
	st.Next = s.next()
	return st, nil
}

// next is the file that the loader will start.
func (s *session) next() string {
	files := map[sdboot.Entry]string{}
	var seen []sdboot.Entry
	for _, e := range s.entries {
		if !e.Beside && e.Err == nil {
			seen = append(seen, e.Entry)
			files[e.Entry] = e.File
		}
	}
	// Variables that cannot be read are as good as none.
	oneShot, _ := s.Vars.Get(efivar.OneShot)
	def, _ := s.Vars.Get(efivar.Default)
	at := sdboot.Select(seen, sdboot.Variables{OneShot: oneShot, Default: def})
	if at < 0 {
		return ""
	}
	return files[seen[at]]
}

func entryState(n sdboot.Name, beside bool, err error) string {
	switch {
	case err != nil:
		return "unreadable"
	case beside:
		return "staged"
	case !n.Counted:
		return "committed"
	case n.Left > 0:
		return "trial"
	case n.Done > 0:
		return "exhausted"
	}
	return "set-aside"
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// clone copies a record, so that a change shows.
func clone(r intent.Record) []byte {
	b, _ := json.Marshal(r) // strings, numbers and times only
	return b
}

func equal(before []byte, r intent.Record) bool { return string(before) == string(clone(r)) }

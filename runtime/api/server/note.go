package server

import (
	"context"
	"maps"
	"net/http"
	"slices"

	"github.com/slipway-os/slipway/runtime/audit"
	"github.com/slipway-os/slipway/runtime/settings"
)

// A note is what a handler says of its request for the audit log.
type note struct {
	tx      string
	commit  uint64
	changes []audit.Change
	err     string // why it was refused
}

type noteKey struct{}

// withNote gives the request an empty note.
func withNote(r *http.Request) (*http.Request, *note) {
	n := &note{}
	return r.WithContext(context.WithValue(r.Context(), noteKey{}, n)), n
}

// noteOf returns the note of a request.
func noteOf(r *http.Request) *note {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{}
}

// about says which transaction and which settings the request is about.
func (n *note) about(tx string, keys []string) {
	n.tx, n.changes = tx, changesOf(keys)
}

// changesOf are changes of which only the keys are told.
func changesOf(keys []string) []audit.Change {
	var changes []audit.Change
	for _, k := range keys {
		changes = append(changes, audit.Change{Key: k})
	}
	return changes
}

// keysOf lists the keys of values, sorted.
func keysOf(v settings.Values) []string { return slices.Sorted(maps.Keys(v)) }

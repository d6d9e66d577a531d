package server

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// manager returns what owns the settings, or the problem that there is none:
// a host whose STATE is broken still answers everything else.
func (s *Server) manager() (*config.Manager, error) {
	if s.Manager == nil {
		return nil, problem(http.StatusServiceUnavailable, "settings", "the settings are not available: %s", oneLine(s.StoreErr))
	}
	return s.Manager, nil
}

// live is the settings in force as the client may see them.
func (s *Server) live(r *http.Request, m *config.Manager) settings.Values {
	return show(PeerOf(r), m.Schema, m.Schema.WithDefaults(m.Store.Live().Values()))
}

// show hides secrets from all but root.
func show(p Peer, schema *settings.Schema, v settings.Values) settings.Values {
	if p.root() {
		return v
	}
	return schema.Redact(v)
}

// getSettings answers as Bottlerocket does: keys win over prefix, a prefix need
// not begin with "settings." and may end within a name.
func (s *Server) getSettings(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	v, err := selectSettings(r, m.Schema, s.live(r, m))
	if err != nil {
		return err
	}
	return writeJSON(w, http.StatusOK, m.Schema.Nest(v))
}

func selectSettings(r *http.Request, schema *settings.Schema, v settings.Values) (settings.Values, error) {
	keys, err := keysParam(r, schema)
	if err != nil {
		return nil, err
	}
	if keys != nil {
		return below(v, keys), nil
	}
	q := r.URL.Query()
	if !q.Has("prefix") {
		return v, nil
	}
	prefix := q.Get("prefix")
	if prefix == "" {
		return nil, problem(http.StatusBadRequest, "prefix", "is empty")
	}
	if !strings.HasPrefix(prefix, "settings") {
		prefix = "settings." + prefix
	}
	return withPrefix(v, prefix), nil
}

// keysParam reads the parameter keys; nil if it is missing. Each is a setting
// or a group of the schema.
func keysParam(r *http.Request, schema *settings.Schema) ([]settings.Key, error) {
	items, err := listParam(r, "keys")
	if err != nil {
		return nil, err
	}
	var keys []settings.Key
	for _, item := range items {
		k, err := parseKey(schema, item)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// parseKey reads a key that the schema must know.
func parseKey(schema *settings.Schema, text string) (settings.Key, error) {
	k, err := settings.ParseKey(text)
	if err != nil {
		return nil, problem(http.StatusBadRequest, "keys", "%v", err)
	}
	if _, ok := schema.Find(k); !ok {
		return nil, problem(http.StatusBadRequest, fullKey(k.String()), "no such setting")
	}
	return k, nil
}

// below keeps the values whose keys are among keys or below one of them.
func below(v settings.Values, keys []settings.Key) settings.Values {
	kept := settings.Values{}
	for text, value := range v {
		k, err := settings.ParseKey(text)
		if err != nil {
			continue // the store has canonical keys only
		}
		for _, p := range keys {
			if k.HasPrefix(p) {
				kept[text] = value
			}
		}
	}
	return kept
}

// withPrefix keeps the values whose full name begins with prefix.
func withPrefix(v settings.Values, prefix string) settings.Values {
	kept := settings.Values{}
	for key, value := range v {
		if strings.HasPrefix(fullKey(key), prefix) {
			kept[key] = value
		}
	}
	return kept
}

// fullKey is a key as the API writes it.
func fullKey(key string) string {
	if key == "" || strings.HasPrefix(key, "settings.") {
		return key
	}
	return "settings." + key
}

// patchSettings puts a document of settings into a transaction.
func (s *Server) patchSettings(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	values, err := m.Schema.FlattenJSON(body)
	if err != nil {
		return problemOf(err)
	}
	return s.stage(w, r, m, values)
}

// patchKeypair puts settings into a transaction that are written KEY=VALUE.
func (s *Server) patchKeypair(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	body, err := readBody(r)
	if err != nil {
		return err
	}
	var pairs api.Keypair
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&pairs); err != nil || dec.More() {
		return problem(http.StatusBadRequest, "request_payload", `want {"request_payload": ["KEY=VALUE", …]}: %v`, err)
	}
	values, err := parsePairs(m.Schema, pairs.RequestPayload)
	if err != nil {
		return problemOf(err)
	}
	return s.stage(w, r, m, values)
}

// stage puts values into the request's transaction.
func (s *Server) stage(w http.ResponseWriter, r *http.Request, m *config.Manager, v settings.Values) error {
	tx, err := txParam(r)
	if err != nil {
		return err
	}
	n := noteOf(r)
	n.about(tx, keysOf(v))
	for i := range n.changes {
		n.changes[i].After = v[n.changes[i].Key]
	}
	source, err := sourceParam(r)
	if err != nil {
		return err
	}
	if err := refuseRedacted(m.Schema, v); err != nil {
		return err
	}
	if err := m.Store.Patch(tx, v, source, false); err != nil {
		return problemOf(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// sourceParam is where settings are from. Only root may say that they are from
// somewhere else than here, as what reads user data from the network does.
func sourceParam(r *http.Request) (store.Source, error) {
	switch source := store.Source(r.URL.Query().Get("source")); source {
	case "", store.SourceAPI:
		return store.SourceAPI, nil
	case store.SourceUserData, store.SourceGenerator:
		if !PeerOf(r).root() {
			return "", problem(http.StatusForbidden, "source", "only root may say that settings are from %s", source)
		}
		return source, nil
	}
	return "", problem(http.StatusBadRequest, "source", "want api, user-data or generator")
}

// refuseRedacted keeps the mark that stands for a secret from being written
// back in its place.
func refuseRedacted(schema *settings.Schema, v settings.Values) error {
	mark, err := json.Marshal(api.Redacted)
	if err != nil {
		return err
	}
	var errs []error
	for _, key := range keysOf(v) {
		k, err := settings.ParseKey(key)
		if err != nil {
			return err
		}
		if n, _ := schema.Find(k); n.Sensitive && bytes.Contains(v[key], mark) {
			errs = append(errs, &settings.Problem{Key: key, Message: "this is the mark that stands for the secret, not the secret"})
		}
	}
	return problemOf(errors.Join(errs...))
}

// deleteSettings puts the removal of settings into a transaction.
func (s *Server) deleteSettings(w http.ResponseWriter, r *http.Request) error {
	m, err := s.manager()
	if err != nil {
		return err
	}
	keys, err := keysParam(r, m.Schema)
	if err != nil {
		return err
	}
	tx, err := txParam(r)
	if err != nil {
		return err
	}
	var names []string
	for _, k := range keys {
		names = append(names, k.String())
	}
	noteOf(r).about(tx, names)
	if err := m.Store.Remove(tx, keys...); err != nil {
		return problemOf(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

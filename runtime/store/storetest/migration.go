package storetest

import (
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// A Case is what a migration makes of some settings, as text in JSON.
type Case struct {
	Name     string
	Old, New map[string]string
	// Set is what somebody sets in the new version before the way back.
	Set map[string]string
	// Back is what Old becomes by way of New, where one-way steps keep it from
	// being Old again; nil: Old.
	Back map[string]string
}

// CheckMigration tests a migration both ways: each case by itself, as a store
// that is opened by the new version and then by the old one, which has never
// heard of the migration; with the old version's snapshot and without. A
// step that changes no case is an error, too.
func CheckMigration(t testing.TB, m store.Migration, cases ...Case) {
	t.Helper()
	if err := m.Check(); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		checkCase(t, m, c)
	}
	for i := range m.Steps {
		without := m
		without.Steps = slices.Delete(slices.Clone(m.Steps), i, i+1)
		if !slices.ContainsFunc(cases, func(c Case) bool { return tellsApart(t, m, without, c) }) {
			t.Errorf("no case needs step %d (%s %s)", i+1, m.Steps[i].Op, m.Steps[i].Key)
		}
	}
}

func checkCase(t testing.TB, m store.Migration, c Case) {
	t.Helper()
	back := c.Back
	if back == nil {
		back = c.Old
	} else if !slices.ContainsFunc(m.Steps, func(s store.Step) bool { return s.OneWay }) {
		t.Errorf("%s: it comes back changed, but no step of the migration is one-way", c.Name)
	}
	fs := New()
	old := map[string]string{}
	maps.Copy(old, c.Old)
	compare(t, c.Name+": as it was set", old, open(t, fs, m.From, nil, old))
	compare(t, c.Name+": forward", c.New, open(t, fs, m.To, []store.Migration{m}, nil))
	if len(c.Set) > 0 {
		open(t, fs, m.To, []store.Migration{m}, c.Set)
	}
	bare := fs.Clone()
	bare.Delete("/var/store/snapshots/" + m.From + ".json")
	compare(t, c.Name+": back, by the snapshot", c.Old, open(t, fs, m.From, nil, nil))
	compare(t, c.Name+": back, without a snapshot", back, open(t, bare, m.From, nil, nil))
	if len(c.Set) == 0 {
		compare(t, c.Name+": forward again", c.New, open(t, bare, m.To, []store.Migration{m}, nil))
	}
}

func compare(t testing.TB, what string, want, got map[string]string) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// open opens a store as a version, sets some values, and is what is then in
// force.
func open(t testing.TB, fs *FS, version string, ms []store.Migration, set map[string]string) map[string]string {
	t.Helper()
	s, opened, err := store.Open(store.Options{FS: fs, Dir: "/var/store", Version: version, Migrations: ms})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if opened.Recovered != "" || opened.Unsaved != nil {
		t.Fatalf("opening the store as %s: %+v", version, opened)
	}
	if set != nil {
		if err := s.Patch("check", values(set), store.SourceAPI, false); err != nil {
			t.Fatal(err)
		}
		// So that something is committed, and a file there, though set is empty.
		if err := s.Remove("check", settings.Key{"nothing"}); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit("check"); err != nil {
			t.Fatal(err)
		}
	}
	return texts(s.Live())
}

func values(texts map[string]string) settings.Values {
	v := settings.Values{}
	for key, text := range texts {
		v[key] = json.RawMessage(text)
	}
	return v
}

func texts(s store.State) map[string]string {
	t := map[string]string{}
	for key, e := range s {
		t[key] = string(e.Value)
	}
	return t
}

// tellsApart reports whether a case comes out differently in one of two
// migrations.
func tellsApart(t testing.TB, a, b store.Migration, c Case) bool {
	t.Helper()
	var forward, backward [2]map[string]string
	for i, m := range []store.Migration{a, b} {
		f, err := m.Forward(state(c.Old), time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		later := state(c.New)
		maps.Copy(later, state(c.Set))
		back, err := m.Backward(later, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		forward[i], backward[i] = texts(f), texts(back)
	}
	return !cmp.Equal(forward[0], forward[1]) || !cmp.Equal(backward[0], backward[1])
}

func state(texts map[string]string) store.State {
	s := store.State{}
	for key, text := range texts {
		s[key] = store.Entry{Value: json.RawMessage(text), Source: store.SourceAPI}
	}
	return s
}

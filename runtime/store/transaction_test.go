package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

func patch(t *testing.T, s *store.Store, tx string, pairs ...string) {
	t.Helper()
	if err := s.Patch(tx, values(pairs...), store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, s *store.Store, tx string, keys ...string) {
	t.Helper()
	for _, text := range keys {
		k, err := settings.ParseKey(text)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Remove(tx, k); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTransactionsApart(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	patch(t, s, "b", "motd", `"b"`)
	patch(t, s, "a", "motd", `"a"`, "host.name", `"h"`)
	if d := cmp.Diff([]string{"a", "b"}, s.Transactions()); d != "" {
		t.Errorf("transactions (-want +got):\n%s", d)
	}
	change, err := s.Pending("b")
	if d := cmp.Diff([]string{`motd="b" (api)`}, show(change.Set)); d != "" || err != nil {
		t.Errorf("pending in b (%v) (-want +got):\n%s", err, d)
	}
	if _, err := s.Commit("b"); err != nil {
		t.Fatal(err)
	}
	want(t, s, `motd="b" (api)`, `ntp.mode="none" (default)`)
	deltas, err := s.Diff("a")
	wantDeltas := []store.Delta{
		{Key: "host.name", After: json.RawMessage(`"h"`), Source: store.SourceAPI},
		{Key: "motd", Before: json.RawMessage(`"b"`), After: json.RawMessage(`"a"`), Source: store.SourceAPI},
	}
	if d := cmp.Diff(wantDeltas, deltas); d != "" || err != nil {
		t.Errorf("diff of a (%v) (-want +got):\n%s", err, d)
	}
	if err := s.Drop("a"); err != nil {
		t.Fatal(err)
	}
	if left := s.Transactions(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if change, err := s.Pending("a"); err != nil || len(change.Set)+len(change.Removed) != 0 {
		t.Errorf("pending in a after Drop: %v (%v)", change, err)
	}
}

func TestRemove(t *testing.T) {
	for _, c := range []struct {
		name string
		edit func(*store.Store)
		want []string
	}{
		{"a leaf", func(s *store.Store) { remove(t, s, "x", "motd") },
			[]string{"host.a.b", "host.a.c", "hosts"}},
		{"a group", func(s *store.Store) { remove(t, s, "x", "host") },
			[]string{"hosts", "motd=live"}},
		{"a group in which the transaction set something", func(s *store.Store) {
			patch(t, s, "x", "host.d", `"new"`)
			remove(t, s, "x", "host")
		}, []string{"hosts", "motd=live"}},
		{"a group, then a leaf in it", func(s *store.Store) {
			remove(t, s, "x", "host")
			patch(t, s, "x", "host.a.c", `"live"`)
		}, []string{"host.a.c", "hosts", "motd=live"}},
		{"what is not there", func(s *store.Store) { remove(t, s, "x", "none", "ntp.mode") },
			[]string{"host.a.b", "host.a.c", "hosts", "motd=live"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, storetest.New(), "1.0.0")
			set(t, s, "host.a.b", `"live"`, "host.a.c", `"live"`, "hosts", `"live"`, "motd", `"live"`)
			c.edit(s)
			if _, err := s.Commit("x"); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, line := range show(s.Live()) {
				if key, ok := strings.CutSuffix(line, `="live" (api)`); ok {
					got = append(got, strings.Replace(key, "motd", "motd=live", 1))
				}
			}
			if d := cmp.Diff(c.want, got); d != "" {
				t.Errorf("left (-want +got):\n%s", d)
			}
		})
	}
}

func TestPatchInvalid(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	for _, c := range []struct {
		tx, key, value string
		src            store.Source
		want           error
	}{
		{"", "motd", `1`, store.SourceAPI, store.ErrName},
		{"a/b", "motd", `1`, store.SourceAPI, store.ErrName},
		{strings.Repeat("x", 65), "motd", `1`, store.SourceAPI, store.ErrName},
		{"x", "", `1`, store.SourceAPI, store.ErrInvalid},
		{"x", "a..b", `1`, store.SourceAPI, store.ErrInvalid},
		{"x", strings.Repeat("k", 5000), `1`, store.SourceAPI, store.ErrInvalid},
		{"x", "motd", ``, store.SourceAPI, store.ErrInvalid},
		{"x", "motd", `null`, store.SourceAPI, store.ErrInvalid},
		{"x", "motd", `"a`, store.SourceAPI, store.ErrInvalid},
		{"x", "motd", `1 2`, store.SourceAPI, store.ErrInvalid},
		{"x", "motd", `1`, store.SourceDefault, store.ErrInvalid},
		{"x", "motd", `1`, "somebody", store.ErrInvalid},
		{"x", "motd", `"` + strings.Repeat("x", store.DefaultLimit) + `"`, store.SourceAPI, store.ErrTooLarge},
	} {
		err := s.Patch(c.tx, values("host.name", `"h"`, c.key, c.value), c.src, false)
		if !errors.Is(err, c.want) {
			t.Errorf("%.20q %.20q %.20q %s: error %v, want %v", c.tx, c.key, c.value, c.src, err, c.want)
		}
	}
	if left := s.Transactions(); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
	if err := s.Remove("x", settings.Key{}); !errors.Is(err, store.ErrInvalid) {
		t.Errorf("removing everything: error %v, want %v", err, store.ErrInvalid)
	}
}

func TestTransactionLimits(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	for i := range store.MaxTransactions {
		patch(t, s, fmt.Sprint(i), "motd", `"m"`)
	}
	if err := s.Patch("more", values("motd", `1`), store.SourceAPI, false); !errors.Is(err, store.ErrTooMany) {
		t.Errorf("error %v, want %v", err, store.ErrTooMany)
	}
	patch(t, s, "0", "host.name", `"h"`) // those that are there still take changes

	large := `"` + strings.Repeat("x", store.DefaultLimit*3/4) + `"`
	var err error
	n := 0
	for ; err == nil; n++ {
		err = s.Patch(fmt.Sprint(n), values("motd", large), store.SourceAPI, false)
	}
	if !errors.Is(err, store.ErrTooLarge) || n != 6 {
		t.Errorf("large transaction %d: error %v, want %v at the sixth", n, err, store.ErrTooLarge)
	}
	change, err := s.Pending("5")
	if d := cmp.Diff([]string{`motd="m" (api)`}, show(change.Set)); d != "" || err != nil {
		t.Errorf("what was refused is in the transaction (%v):\n%s", err, d)
	}
}

func TestFileLimit(t *testing.T) {
	fs := storetest.New()
	o := options(fs, "1.0.0")
	o.Limit = 2000
	s, _, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	set(t, s, "a", `"`+strings.Repeat("x", 1500)+`"`)
	before := fs.Files()
	patch(t, s, "x", "b", `"`+strings.Repeat("x", 500)+`"`)
	if _, err := s.Commit("x"); !errors.Is(err, store.ErrTooLarge) {
		t.Errorf("error %v, want %v", err, store.ErrTooLarge)
	}
	if d := cmp.Diff(before, fs.Files()); d != "" {
		t.Errorf("files (-before +after):\n%s", d)
	}
}

// Writers in transactions of their own set two keys to the same value, readers
// look: nobody may ever see the two differ.
func TestConcurrent(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	set(t, s, "pair.a", "0", "pair.b", "0")
	const writers, rounds = 4, 50
	var work, look sync.WaitGroup
	stop := make(chan struct{})
	for w := range writers {
		work.Go(func() {
			tx := fmt.Sprint("w", w)
			for i := range rounds {
				v := fmt.Sprint(w*rounds + i)
				err := errors.Join(
					s.Patch(tx, values("pair.a", v), store.SourceAPI, false),
					s.Patch(tx, values("pair.b", v), store.SourceAPI, false))
				if _, commitErr := s.Commit(tx); err != nil || commitErr != nil {
					t.Error(err, commitErr)
				}
			}
		})
	}
	look.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			live := s.Live()
			if a, b := live["pair.a"].Value, live["pair.b"].Value; string(a) != string(b) {
				t.Errorf("half a transaction: %s and %s", a, b)
				return
			}
			s.Transactions()
		}
	})
	work.Wait()
	close(stop)
	look.Wait()
	if got := s.Seq(); got != 1+writers*rounds {
		t.Errorf("%d changes, want %d", got, 1+writers*rounds)
	}
}

// renames calls back when a file is put in place.
type renames struct {
	*storetest.FS
	then func(path string)
}

func (r *renames) Rename(old, new string) error {
	r.then(new)
	return r.FS.Rename(old, new)
}

// Two clients share a transaction: what one adds while the other commits is
// still pending, not lost. And who reads is not held up by the disk.
func TestPatchDuringCommit(t *testing.T) {
	fs := &renames{storetest.New(), func(string) {}}
	s := open(t, fs, "1.0.0")
	patch(t, s, "x", "motd", `"first"`)
	fs.then = func(string) {
		patch(t, s, "x", "host.name", `"second"`)
		want(t, s, `motd="welcome" (default)`, `ntp.mode="none" (default)`)
		fs.then = func(string) {}
	}
	if _, err := s.Commit("x"); err != nil {
		t.Fatal(err)
	}
	want(t, s, `motd="first" (api)`, `ntp.mode="none" (default)`)
	if _, err := s.Commit("x"); err != nil {
		t.Fatal(err)
	}
	want(t, s, `host.name="second" (api)`, `motd="first" (api)`, `ntp.mode="none" (default)`)
}

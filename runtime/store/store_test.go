package store_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

const (
	dir  = "/var/settings"
	file = dir + "/settings.json"
)

var noon = time.Date(2026, 11, 28, 12, 0, 0, 123456789, time.UTC)

func values(pairs ...string) settings.Values {
	v := settings.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return v
}

// check refuses a motd "bad" alone, and ntp.mode "pool" without ntp.servers.
func check(v settings.Values) error {
	var errs []error
	if string(v["motd"]) == `"bad"` {
		errs = append(errs, &settings.Problem{Key: "motd", Message: "it is bad"})
	}
	if _, ok := v["ntp.servers"]; !ok && string(v["ntp.mode"]) == `"pool"` {
		errs = append(errs, &settings.Problem{Key: "ntp.servers", Message: "a pool needs servers"})
	}
	return errors.Join(errs...)
}

func options(fs store.FS, version string) store.Options {
	return store.Options{
		FS: fs, Dir: dir, Version: version, Check: check,
		Defaults: values("motd", `"welcome"`, "ntp.mode", `"none"`),
		Now:      func() time.Time { return noon },
	}
}

// open opens a store that it expects to be well.
func open(t *testing.T, fs store.FS, version string) *store.Store {
	t.Helper()
	s, opened, err := store.Open(options(fs, version))
	if err != nil {
		t.Fatal(err)
	}
	if opened.Recovered != "" || opened.Unsaved != nil {
		t.Fatalf("opened: %+v, want it to be well", opened)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// set commits values by the API.
func set(t *testing.T, s *store.Store, pairs ...string) store.Commit {
	t.Helper()
	if err := s.Patch("default", values(pairs...), store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
	c, err := s.Commit("default")
	if err != nil || c.Warning != nil {
		t.Fatal(err, c.Warning)
	}
	return c
}

func closeStore(t *testing.T, s *store.Store) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// show is a state in short: "motd=\"hi\" (api, weak)".
func show(s store.State) []string {
	var lines []string
	for _, key := range slices.Sorted(maps.Keys(s)) {
		weak := ""
		if s[key].Weak {
			weak = ", weak"
		}
		lines = append(lines, fmt.Sprintf("%s=%s (%s%s)", key, s[key].Value, s[key].Source, weak))
	}
	return lines
}

func want(t *testing.T, s *store.Store, lines ...string) {
	t.Helper()
	if d := cmp.Diff(lines, show(s.Live())); d != "" {
		t.Errorf("in force (-want +got):\n%s", d)
	}
}

func TestCommit(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	want(t, s, `motd="welcome" (default)`, `ntp.mode="none" (default)`)
	for _, p := range []struct {
		v    settings.Values
		src  store.Source
		weak bool
	}{
		{values("settings.motd", ` "hi" `), store.SourceUserData, false},
		{values("host.name", `"h1"`), store.SourceGenerator, true},
		{values(`kernel.sysctl."net.ipv4.ip_forward"`, `"1"`), store.SourceAPI, false},
	} {
		if err := s.Patch("first", p.v, p.src, p.weak); err != nil {
			t.Fatal(err)
		}
	}
	want(t, s, `motd="welcome" (default)`, `ntp.mode="none" (default)`)
	c, err := s.Commit("first")
	if err != nil {
		t.Fatal(err)
	}
	deltas := []store.Delta{
		{Key: "host.name", After: json.RawMessage(`"h1"`), Source: store.SourceGenerator},
		{Key: `kernel.sysctl."net.ipv4.ip_forward"`, After: json.RawMessage(`"1"`), Source: store.SourceAPI},
		{Key: "motd", Before: json.RawMessage(`"welcome"`), After: json.RawMessage(`"hi"`), Source: store.SourceUserData},
	}
	if d := cmp.Diff(deltas, c.Deltas); d != "" || c.Seq != 1 || c.Warning != nil {
		t.Errorf("commit %d (%v), deltas (-want +got):\n%s", c.Seq, c.Warning, d)
	}
	closeStore(t, s)
	s = open(t, fs, "1.0.0")
	want(t, s, `host.name="h1" (generator, weak)`, `kernel.sysctl."net.ipv4.ip_forward"="1" (api)`, `motd="hi" (user-data)`, `ntp.mode="none" (default)`)
	if got := s.Live()["motd"].Set; !got.Equal(noon.Truncate(time.Second)) {
		t.Errorf("motd was set at %v, want %v", got, noon)
	}
	if got := s.Live().Values()["motd"]; string(got) != `"hi"` {
		t.Errorf("values: motd is %s", got)
	}
	if strings.Contains(fs.Files()[file], "welcome") {
		t.Errorf("a default is in the file:\n%s", fs.Files()[file])
	}
}

// A boot that is cut short before user data is committed is a first boot again.
func TestFirstBoot(t *testing.T) {
	fs := storetest.New()
	for i, c := range []struct{ first, commit bool }{{true, false}, {true, true}, {false, false}} {
		s, opened, err := store.Open(options(fs, "1.0.0"))
		if d := cmp.Diff(store.Opened{FirstBoot: c.first}, opened); d != "" || err != nil {
			t.Fatalf("boot %d: %v, opened (-want +got):\n%s", i, err, d)
		}
		if _, isThere := fs.Files()[file]; isThere == c.first {
			t.Errorf("boot %d: the file is there: %v", i, isThere)
		}
		if c.commit {
			set(t, s, "motd", `"hi"`)
		}
		closeStore(t, s)
	}
}

func TestRefused(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	set(t, s, "host.name", `"h1"`)
	before := fs.Files()
	if err := s.Patch("default", values("motd", `"bad"`), store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
	_, err := s.Commit("default")
	if !errors.Is(err, store.ErrRefused) || len(settings.Problems(err)) != 1 {
		t.Errorf("error %v, want %v and one problem", err, store.ErrRefused)
	}
	if d := cmp.Diff(before, fs.Files()); d != "" {
		t.Errorf("files (-before +after):\n%s", d)
	}
	want(t, s, `host.name="h1" (api)`, `motd="welcome" (default)`, `ntp.mode="none" (default)`)
	if err := s.Patch("default", values("motd", `"good"`), store.SourceAPI, false); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit("default"); err != nil {
		t.Error("mended:", err)
	}
	if _, err := s.Commit("default"); !errors.Is(err, store.ErrNoPending) {
		t.Errorf("error %v, want %v", err, store.ErrNoPending)
	}
}

func TestRestore(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	set(t, s, "motd", `"one"`)
	c := set(t, s, "motd", `"two"`, "host.name", `"h2"`)
	if _, err := s.Restore(c.Before, c.Seq-1); !errors.Is(err, store.ErrMoved) {
		t.Errorf("error %v, want %v", err, store.ErrMoved)
	}
	for key, e := range map[string]store.Entry{
		"a..b": {Value: json.RawMessage(`1`), Source: store.SourceAPI},
		"a":    {Value: json.RawMessage(`1`), Source: "nobody"},
		"b":    {Source: store.SourceAPI},
	} {
		if _, err := s.Restore(store.State{key: e}, c.Seq); !errors.Is(err, store.ErrInvalid) {
			t.Errorf("restoring %s: error %v, want %v", key, err, store.ErrInvalid)
		}
	}
	back, err := s.Restore(c.Before, c.Seq)
	if err != nil || len(back.Deltas) != 2 {
		t.Errorf("restored %+v (%v), want two deltas", back.Deltas, err)
	}
	want(t, s, `motd="one" (api)`, `ntp.mode="none" (default)`)
	if s.Seq() != 3 {
		t.Errorf("change %d, want 3", s.Seq())
	}
}

func TestDropWeak(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	set(t, s, "motd", `"one"`)
	if err := s.Patch("g", values("motd", `"weak"`, "host.name", `"h"`), store.SourceGenerator, true); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Commit("g"); err != nil {
		t.Fatal(err)
	}
	if c, err := s.DropWeak(); err != nil || len(c.Deltas) != 2 {
		t.Errorf("dropped %+v (%v), want two deltas", c.Deltas, err)
	}
	want(t, s, `motd="welcome" (default)`, `ntp.mode="none" (default)`)
}

func TestClosed(t *testing.T) {
	s := open(t, storetest.New(), "1.0.0")
	closeStore(t, s)
	closeStore(t, s)
	_, commitErr := s.Commit("default")
	_, restoreErr := s.Restore(store.State{}, 0)
	_, weakErr := s.DropWeak()
	for _, err := range []error{commitErr, restoreErr, weakErr, s.Drop("x"), s.Patch("x", values("a", "1"), store.SourceAPI, false)} {
		if !errors.Is(err, store.ErrClosed) {
			t.Errorf("error %v, want %v", err, store.ErrClosed)
		}
	}
}

func TestOptions(t *testing.T) {
	for name, change := range map[string]func(*store.Options){
		"no version":             func(o *store.Options) { o.Version = "" },
		"a version that is path": func(o *store.Options) { o.Version = "../x" },
		"defaults not valid":     func(o *store.Options) { o.Defaults = values("motd", `"bad"`) },
		"migrations not in order": func(o *store.Options) {
			o.Migrations = []store.Migration{{From: "1", To: "3"}, {From: "2", To: "4"}}
		},
		"no parent": func(o *store.Options) { o.Dir = "/none/settings" },
	} {
		o := options(storetest.New(), "1.0.0")
		change(&o)
		if _, _, err := store.Open(o); err == nil || !strings.HasPrefix(err.Error(), "opening the store: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

package store_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

func text(s string) json.RawMessage { return json.RawMessage(s) }

func migration(steps ...store.Step) store.Migration {
	return store.Migration{From: "1.0.0", To: "1.1.0", Steps: steps}
}

type m = map[string]string

func TestMigrations(t *testing.T) {
	for name, c := range map[string]struct {
		steps []store.Step
		cases []storetest.Case
	}{
		"rename a setting": {
			[]store.Step{store.Rename("ntp.servers", "ntp.time-servers")},
			[]storetest.Case{
				{Name: "set", Old: m{"ntp.servers": `["a"]`, "motd": `"x"`}, New: m{"ntp.time-servers": `["a"]`, "motd": `"x"`}},
				{Name: "not set", Old: m{"motd": `"x"`}, New: m{"motd": `"x"`}},
			},
		},
		"rename a group below a star": {
			[]store.Step{store.Rename("host.*.opts", "machines.*.options.all")},
			[]storetest.Case{{
				Name: "two",
				Old:  m{"host.a.opts.x": `1`, `host."b.c".opts.y."z.z"`: `2`, "host.a.other": `3`, "host.a": `4`},
				New:  m{"machines.a.options.all.x": `1`, `machines."b.c".options.all.y."z.z"`: `2`, "host.a.other": `3`, "host.a": `4`},
			}},
		},
		"stars that are characters": {
			[]store.Step{store.Rename(`a."*".x`, "b.x"), store.Rename(`a."\"*.".y`, "b.y")},
			[]storetest.Case{{
				Name: "one", Old: m{`a."*".x`: `1`, "a.k.x": `2`, `a."\"*.".y`: `3`}, New: m{"b.x": `1`, "a.k.x": `2`, "b.y": `3`},
			}},
		},
		"add": {
			[]store.Step{store.Add("updates.mode", text(`"auto"`)), store.Add("host.*.new", nil)},
			[]storetest.Case{
				{Name: "not set", Old: m{}, New: m{"updates.mode": `"auto"`}},
				{Name: "changed", Old: m{"host.a.old": `1`}, New: m{"host.a.old": `1`, "updates.mode": `"auto"`},
					Set: m{"updates.mode": `"own"`, "host.a.new": `2`}},
			},
		},
		"drop": {
			[]store.Step{store.Drop("old.*.flag", nil), store.Drop("legacy", text(`true`))},
			[]storetest.Case{{
				Name: "set", Old: m{"old.a.flag": `1`, "old.a.x": `1`, "legacy": `false`}, New: m{"old.a.x": `1`},
				Back: m{"old.a.x": `1`, "legacy": `true`},
			}},
		},
		"default": {
			[]store.Step{store.Default("mtu", text(` 1500 `))},
			[]storetest.Case{
				{Name: "not set", Old: m{}, New: m{"mtu": `1500`}},
				{Name: "set", Old: m{"mtu": `9000`}, New: m{"mtu": `9000`}},
				{Name: "set to the same", Old: m{"mtu": `1500`}, New: m{"mtu": `1500`}},
			},
		},
		"map": {
			[]store.Step{store.Map("nic.*.mode", store.Pair{Old: text(`"on"`), New: text(`true`)}, store.Pair{Old: text(`"off"`), New: text(`false`)})},
			[]storetest.Case{{
				Name: "three", Old: m{"nic.a.mode": `"on"`, "nic.b.mode": `"off"`, "nic.c.mode": `"else"`},
				New: m{"nic.a.mode": `true`, "nic.b.mode": `false`, "nic.c.mode": `"else"`},
			}},
		},
		"map one way": {
			[]store.Step{store.MapOneWay("level", store.Pair{Old: text(`1`), New: text(`"low"`)}, store.Pair{Old: text(`2`), New: text(`"low"`)})},
			[]storetest.Case{
				{Name: "first", Old: m{"level": `1`}, New: m{"level": `"low"`}},
				{Name: "second", Old: m{"level": `2`}, New: m{"level": `"low"`}, Back: m{"level": `1`}},
			},
		},
		"steps in order": {
			[]store.Step{store.Rename("a", "b"), store.Map("b", store.Pair{Old: text(`1`), New: text(`2`)}), store.Rename("b", "c")},
			[]storetest.Case{{Name: "one", Old: m{"a": `1`}, New: m{"c": `2`}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			storetest.CheckMigration(t, migration(c.steps...), c.cases...)
		})
	}
}

// recorder is a testing.TB that is told of errors and passes none on.
type recorder struct {
	testing.TB
	errs []string
}

func (r *recorder) Helper() {}
func (r *recorder) Errorf(format string, args ...any) {
	r.errs = append(r.errs, fmt.Sprintf(format, args...))
}

// CheckMigration has to notice mistakes, or it would test nothing.
func TestCheckMigrationNotices(t *testing.T) {
	for _, c := range []struct {
		name string
		m    store.Migration
		test storetest.Case
		want string
	}{
		{"wrong forward", migration(store.Rename("a", "b")),
			storetest.Case{Name: "x", Old: m{"a": `1`}, New: m{"c": `1`}}, "x: forward"},
		{"not the same back", migration(store.Drop("a", nil)),
			storetest.Case{Name: "x", Old: m{"a": `1`}, New: m{}}, "x: back, without a snapshot"},
		{"changed back without a one-way step", migration(store.Rename("a", "b")),
			storetest.Case{Name: "x", Old: m{"a": `1`, "b": `2`}, New: m{"b": `1`}, Back: m{"a": `1`}}, "no step of the migration is one-way"},
		{"a step without a case", migration(store.Rename("a", "b"), store.Rename("d", "e")),
			storetest.Case{Name: "x", Old: m{"a": `1`}, New: m{"b": `1`}}, "no case needs step 2"},
	} {
		r := &recorder{TB: t}
		storetest.CheckMigration(r, c.m, c.test)
		if all := strings.Join(r.errs, "\n"); !strings.Contains(all, c.want) {
			t.Errorf("%s: errors %q, want %q", c.name, all, c.want)
		}
	}
}

func TestMigrationCheck(t *testing.T) {
	ok := []store.Step{store.Rename("a.*", "b.*")}
	for name, bad := range map[string]store.Migration{
		"no version":              {From: "", To: "1", Steps: ok},
		"backward":                {From: "2", To: "1", Steps: ok},
		"nowhere":                 {From: "1", To: "1", Steps: ok},
		"other stars":             migration(store.Rename("a.*", "b")),
		"bad key":                 migration(store.Rename("a..b", "b")),
		"half a star":             migration(store.Drop("a.b*", nil)),
		"bad target":              migration(store.Rename("a", `"b`)),
		"no target":               migration(store.Step{Op: store.OpRename, Key: "a"}),
		"rename with a value":     migration(store.Step{Op: store.OpRename, Key: "a", To: "b", Value: text(`1`)}),
		"add with a target":       migration(store.Step{Op: store.OpAdd, Key: "a", To: "b"}),
		"a value for many":        migration(store.Add("a.*", text(`1`))),
		"null":                    migration(store.Add("a", text(`null`))),
		"not JSON":                migration(store.Default("a", text(`{`))),
		"default without a value": migration(store.Default("a", nil)),
		"drop not marked":         migration(store.Step{Op: store.OpDrop, Key: "a"}),
		"map of nothing":          migration(store.Map("a")),
		"one becomes two":         migration(store.Map("a", store.Pair{Old: text(`1`), New: text(`2`)}, store.Pair{Old: text(` 1`), New: text(`3`)})),
		"two become one":          migration(store.Map("a", store.Pair{Old: text(`1`), New: text(`3`)}, store.Pair{Old: text(`2`), New: text(`3`)})),
		"map to null":             migration(store.Map("a", store.Pair{Old: text(`1`), New: text(`null`)})),
		"no such step":            migration(store.Step{Op: "move", Key: "a"}),
	} {
		if err := bad.Check(); err == nil || !strings.HasPrefix(err.Error(), "checking ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// Weak values go at an update; a chain of migrations runs both ways; a version
// between them gets its part.
func TestMigrateChain(t *testing.T) {
	chain := []store.Migration{
		{From: "1.0.0", To: "1.1.0", Steps: []store.Step{store.Rename("a", "b")}},
		{From: "1.2.0", To: "2.0.0", Steps: []store.Step{store.Rename("b", "c")}},
	}
	fs := storetest.New()
	for i, c := range []struct {
		version, from, key string
		snapshot           bool
	}{
		{"1.0.0", "", "a", false},
		{"2.0.0", "1.0.0", "c", false},
		{"1.5.0", "2.0.0", "b", false}, // never here before
		{"2.0.0-rc.1", "1.5.0", "b", false},
		{"2.10.0", "2.0.0-rc.1", "c", false},
		{"1.0.0", "2.10.0", "a", true},
	} {
		o := options(fs, c.version)
		o.Defaults = nil
		for _, m := range chain {
			if c.version != "1.0.0" && !(strings.HasPrefix(c.version, "1.") && m.To == "2.0.0") {
				o.Migrations = append(o.Migrations, m)
			}
		}
		s, opened, err := store.Open(o)
		if err != nil || opened.From != c.from || opened.Snapshot != c.snapshot || opened.Unsaved != nil {
			t.Fatalf("step %d: opened %+v (%v), want from %q, snapshot %v", i, opened, err, c.from, c.snapshot)
		}
		if i == 0 {
			set(t, s, "a", "1")
		} else {
			want(t, s, append([]string{c.key + "=1 (api)"}, map[bool][]string{true: {"weak=0 (generator, weak)"}}[c.snapshot]...)...)
		}
		if err := s.Patch("w", values("weak", fmt.Sprint(i)), store.SourceGenerator, true); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Commit("w"); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
	}
}

// A migration that cannot be run leaves the settings as they were.
func TestMigrateFails(t *testing.T) {
	fs := storetest.New()
	s := open(t, fs, "1.0.0")
	long := "a." + strings.Repeat("x", 400)
	set(t, s, long, "1")
	closeStore(t, s)
	o := options(fs, "1.1.0")
	o.Migrations = []store.Migration{migration(store.Rename("a", strings.Repeat("y", 200)))}
	s, opened, err := store.Open(o)
	if err != nil || opened.Unsaved != nil || !strings.Contains(opened.Recovered, "taken over as they were") {
		t.Fatalf("opened %+v (%v)", opened, err)
	}
	defer s.Close()
	want(t, s, long+"=1 (api)", `motd="welcome" (default)`, `ntp.mode="none" (default)`)
}

func TestSnapshotsBounded(t *testing.T) {
	fs := storetest.New()
	for i := range store.MaxSnapshots + 4 {
		s := open(t, fs, fmt.Sprintf("1.%d.0", i))
		set(t, s, "motd", fmt.Sprint(i))
		closeStore(t, s)
	}
	names, err := fs.ReadDir(dir + "/snapshots")
	if err != nil || len(names) != store.MaxSnapshots {
		t.Errorf("snapshots: %v (%v), want %d", names, err, store.MaxSnapshots)
	}
	for i := 4; i < store.MaxSnapshots+4; i++ {
		if _, ok := fs.Files()[fmt.Sprintf("%s/snapshots/1.%d.0.json", dir, i)]; !ok {
			t.Errorf("the snapshot of 1.%d.0 is gone", i)
		}
	}
	// The way back to the oldest, and on from there.
	s := open(t, fs, "1.4.0")
	want(t, s, "motd=4 (api)", `ntp.mode="none" (default)`)
}

// The snapshot of the version to which the way leads back is not removed to
// make room for that of the version which is left.
func TestSnapshotOfWayBack(t *testing.T) {
	fs := &renames{storetest.New(), func(string) {}}
	oldest := dir + "/snapshots/1.0.0.json"
	var kept string
	for i := range store.MaxSnapshots + 1 {
		s := open(t, fs, fmt.Sprintf("1.%d.0", i))
		set(t, s, "motd", fmt.Sprint(i))
		closeStore(t, s)
		if i == 0 {
			kept = fs.Files()[oldest]
		}
	}
	fs.Delete(fmt.Sprintf("%s/snapshots/1.%d.0.json", dir, store.MaxSnapshots))
	fs.Put(oldest, kept)
	fs.then = func(path string) {
		if path == file && fs.Files()[oldest] != kept {
			t.Error("the snapshot is gone before the file has what was in it")
		}
	}
	want(t, open(t, fs, "1.0.0"), "motd=0 (api)", `ntp.mode="none" (default)`)
}

// The way back brings the old settings; the way forward after it takes those of
// now, not those that the newer version once had.
func TestWayBackAndForward(t *testing.T) {
	fs := storetest.New()
	for _, c := range []struct{ version, want, set string }{
		{"1.0.0", `"welcome" (default)`, `"one"`},
		{"2.0.0", `"one" (api)`, `"two"`},
		{"1.0.0", `"one" (api)`, `"one again"`},
		{"2.0.0", `"one again" (api)`, `"two again"`},
		{"1.0.0", `"one again" (api)`, `"end"`},
	} {
		s := open(t, fs, c.version)
		want(t, s, "motd="+c.want, `ntp.mode="none" (default)`)
		set(t, s, "motd", c.set)
		closeStore(t, s)
	}
}

package store_test

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// seeds are files that stores wrote, whole and spoiled.
func seeds(f *testing.F) [][]byte {
	f.Helper()
	fs := storetest.New()
	o := options(fs, "2.0.0")
	o.Migrations = renameGroup
	s, _, err := store.Open(o)
	if err != nil {
		f.Fatal(err)
	}
	defer s.Close()
	if err := commit(store.SourceAPI, true, "motd", `"hi"`, `kernel.sysctl."a.b"`, `["1",{"x":2}]`)(s); err != nil {
		f.Fatal(err)
	}
	whole := []byte(fs.Files()[file])
	return [][]byte{
		whole, whole[:len(whole)/2], append(bytes.Clone(whole), '\n'), nil, []byte("\n"), []byte("{}\n"),
		[]byte(`{"format":1,"version":"1.0.0","seq":18446744073709551615,"sha256":""}` + "\n"),
		[]byte(`{"format":1e400}` + "\n"), bytes.Repeat([]byte("["), 20000),
	}
}

// FuzzOpen: whatever lies in the place of the file, the store opens; it holds
// what the file says, or the file is kept aside.
func FuzzOpen(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		fs := storetest.New()
		fs.Put(file, string(content))
		s, opened, err := store.Open(options(fs, "2.0.0"))
		if err != nil || opened.Unsaved != nil {
			t.Fatal(err, opened.Unsaved)
		}
		defer s.Close()
		files := fs.Files()
		kept := files[file] == string(content) || files[file+".bad-1"] == string(content)
		if _, snapshots := files[dir+"/snapshots"]; !kept && !snapshots && opened.From == "" {
			t.Errorf("the file is lost; there is %v", files)
		}
		if (opened.Recovered == "") != (files[file+".bad-1"] == "" && !opened.FirstBoot) {
			t.Errorf("recovered %q, but kept aside %q", opened.Recovered, files[file+".bad-1"])
		}
		set(t, s, "after", "1")
	})
}

// FuzzPatch: any key and value is refused or comes back from the file as it is.
func FuzzPatch(f *testing.F) {
	f.Add("motd", []byte(`"hi"`))
	f.Add(`settings.kernel.sysctl."a.b"`, []byte(` [1, {"x": null}] `))
	f.Add(`settings.settings."\""`, []byte("\"\u2028<&>\""))
	f.Add("a..b", []byte("null"))
	f.Fuzz(func(t *testing.T, key string, value []byte) {
		fs := storetest.New()
		o := options(fs, "1.0.0")
		o.Check = nil
		s, _, err := store.Open(o)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		if err := s.Patch("x", map[string]json.RawMessage{key: value}, store.SourceAPI, false); err != nil {
			return
		}
		if _, err := s.Commit("x"); err != nil {
			t.Fatal(err)
		}
		closeStore(t, s)
		again := open(t, fs, "1.0.0")
		if d := cmp.Diff(s.Live(), again.Live()); d != "" {
			t.Errorf("(-before +after closing):\n%s", d)
		}
	})
}

// FuzzMigration: a migration that passes its check runs both ways on any keys.
func FuzzMigration(f *testing.F) {
	f.Add("rename", "a.*", "b.*", []byte(nil), `a."x.y".z`)
	f.Add("add", "a.b", "", []byte(`1`), "a.b")
	f.Add("drop", `a."*"`, "", []byte(`"x"`), `a."*"`)
	f.Add("map", `a."\"".*`, "", []byte(`[]`), `a."\"".x`)
	f.Fuzz(func(t *testing.T, op, key, to string, value []byte, live string) {
		step := store.Step{Op: store.Op(op), Key: key, To: to, Value: value, OneWay: op == "drop"}
		if step.Op == store.OpMap {
			step.Value, step.Pairs = nil, []store.Pair{{Old: value, New: []byte(`"new"`)}}
		}
		m := migration(step)
		if m.Check() != nil {
			return
		}
		fs := storetest.New()
		s := open(t, fs, m.From)
		if s.Patch("x", values(live, string(value)), store.SourceAPI, false) == nil {
			if _, err := s.Commit("x"); err != nil {
				t.Fatal(err)
			}
		}
		closeStore(t, s)
		for _, version := range []string{m.To, m.From} {
			o := options(fs, version)
			o.Migrations = []store.Migration{m}
			s, opened, err := store.Open(o)
			if err != nil || opened.Unsaved != nil {
				t.Fatal(err, opened.Unsaved)
			}
			closeStore(t, s)
			fs.Delete(dir + "/snapshots/" + m.From + ".json")
		}
	})
}

package store_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
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

// FuzzOpen: whatever lies in the place of the file, the store opens and works,
// and the file is to be found.
func FuzzOpen(f *testing.F) {
	for _, seed := range seeds(f) {
		f.Add(seed)
	}
	f.Fuzz(openAnything)
}

// FuzzOpenSealed is FuzzOpen with a checksum that is right, for what lies behind
// it is never reached by chance.
func FuzzOpenSealed(f *testing.F) {
	for _, seed := range seeds(f) {
		header, body, _ := bytes.Cut(seed, []byte("\n"))
		f.Add(header, body)
	}
	f.Add([]byte(`{"format":1,"version":"1.0.0","seq":1}`), []byte(`{"key":"motd","value":"bad","source":"api"}`+"\n"))
	f.Add([]byte(`{"format":1,"version":"3.0.0","seq":1,"migrations":[{"from":"2.0.0","to":"3.0.0","steps":[{"op":"rename","key":"a.*","to":"b.*"}]}]}`),
		[]byte(`{"key":"b.c","value":1,"source":"user-data","weak":true}`+"\n"))
	f.Fuzz(func(t *testing.T, header, body []byte) {
		openAnything(t, seal(header, body))
	})
}

// seal is a file of that header and body with the checksum that belongs there,
// where the header is a JSON object.
func seal(header, body []byte) []byte {
	var h struct {
		Format     int               `json:"format"`
		Version    string            `json:"version"`
		Seq        uint64            `json:"seq"`
		Migrations []store.Migration `json:"migrations,omitempty"`
		SHA256     string            `json:"sha256,omitempty"`
	}
	line := func() []byte {
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if e.Encode(h) != nil {
			return header
		}
		return b.Bytes()
	}
	if json.Unmarshal(header, &h) != nil {
		return header
	}
	h.SHA256 = ""
	sum := sha256.Sum256(append(line(), body...))
	h.SHA256 = hex.EncodeToString(sum[:])
	return append(line(), body...)
}

func openAnything(t *testing.T, content []byte) {
	fs := storetest.New()
	fs.Put(file, string(content))
	s, opened, err := store.Open(options(fs, "2.0.0"))
	if err != nil || opened.Unsaved != nil {
		t.Fatal(err, opened.Unsaved)
	}
	defer s.Close()
	if !slices.Contains(slices.Collect(maps.Values(fs.Files())), string(content)) {
		t.Errorf("the file is lost: opened %+v, there is %v", opened, fs.Files())
	}
	if opened.FirstBoot && opened.Recovered == "" {
		t.Error("a file was there, but this is a first boot and nothing is said of it")
	}
	if err := check(s.Live().Values()); err != nil {
		t.Errorf("what is in force is not valid: %v", err)
	}
	set(t, s, "after", "1")
	live := s.Live()
	closeStore(t, s)
	if d := cmp.Diff(live, open(t, fs, "2.0.0").Live()); d != "" {
		t.Errorf("(-before +after closing):\n%s", d)
	}
}

// TestSeal: else FuzzOpenSealed would be FuzzOpen.
func TestSeal(t *testing.T) {
	fs := storetest.New()
	fs.Put(file, string(seal([]byte(`{"format":1,"version":"1.0.0","seq":1}`), []byte(`{"key":"motd","value":"hi","source":"api"}`+"\n"))))
	want(t, open(t, fs, "1.0.0"), `motd="hi" (api)`, `ntp.mode="none" (default)`)
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

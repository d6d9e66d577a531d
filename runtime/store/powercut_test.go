package store_test

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

var renameGroup = []store.Migration{{From: "1.0.0", To: "2.0.0", Steps: []store.Step{
	store.Rename("host", "machine"),
	store.Add("machine.kind", []byte(`"plain"`)),
}}}

// A step is one action of a story; each opens the store and closes it, as a
// boot does, so that it can be told after which a power cut came.
type step struct {
	name, version string
	do            func(*store.Store) error
}

func (st step) run(fs *storetest.FS) error {
	o := options(fs, st.version)
	if st.version == "2.0.0" {
		o.Migrations = renameGroup
	}
	s, opened, err := store.Open(o)
	if err != nil {
		return err
	}
	defer s.Close()
	if opened.Unsaved != nil {
		return opened.Unsaved
	}
	if st.do == nil {
		return nil
	}
	return st.do(s)
}

func commit(src store.Source, weak bool, pairs ...string) func(*store.Store) error {
	return func(s *store.Store) error {
		if err := s.Patch("x", values(pairs...), src, weak); err != nil {
			return err
		}
		_, err := s.Commit("x")
		return err
	}
}

func dropWeak(s *store.Store) error {
	_, err := s.DropWeak()
	return err
}

// A story is the life of a store. Its steps change the store once each, so
// that a power cut leaves what was before or after one of them.
type story struct {
	name    string
	begin   func(*storetest.FS) // what was before
	steps   []step
	damaged bool // the file at the beginning, which then has to be kept aside
}

func stories() []story {
	damage := func(fs *storetest.FS) {
		fs.Put(file, strings.Replace(fs.Files()[file], "hi", "ho", 1))
	}
	lived := func(fs *storetest.FS) {
		for _, st := range []step{
			{"", "1.0.0", commit(store.SourceAPI, false, "motd", `"hi"`, "host.name", `"h"`)},
			{"", "1.0.0", commit(store.SourceGenerator, true, "host.weak", `"w"`)},
		} {
			if err := st.run(fs); err != nil {
				panic(err)
			}
		}
	}
	return []story{
		{"first boot and commits", func(*storetest.FS) {}, []step{
			{"open", "1.0.0", nil},
			{"user data", "1.0.0", commit(store.SourceUserData, false, "motd", `"hi"`, "host.name", `"h"`)},
			{"generator", "1.0.0", commit(store.SourceGenerator, true, "host.weak", `"w"`)},
			{"api", "1.0.0", commit(store.SourceAPI, false, "motd", `"ho"`)},
			{"drop weak", "1.0.0", dropWeak},
		}, false},
		{"update and way back", lived, []step{
			{"migrate", "2.0.0", nil},
			{"change", "2.0.0", commit(store.SourceAPI, false, "machine.name", `"new"`)},
			{"back", "1.0.0", nil},
			{"change", "1.0.0", commit(store.SourceAPI, false, "host.name", `"old"`)},
			{"migrate again", "2.0.0", nil},
		}, false},
		{"update without snapshots", func(fs *storetest.FS) {
			lived(fs)
			fs.Delete(dir + "/snapshots/1.0.0.json")
			fs.Delete(dir + "/snapshots")
		}, []step{{"migrate", "2.0.0", nil}, {"back", "1.0.0", nil}}, false},
		{"way back without a snapshot", func(fs *storetest.FS) {
			lived(fs)
			if err := (step{"", "2.0.0", nil}).run(fs); err != nil {
				panic(err)
			}
			fs.Delete(dir + "/snapshots/1.0.0.json")
		}, []step{{"back", "1.0.0", nil}}, false},
		{"damaged file", func(fs *storetest.FS) { lived(fs); damage(fs) }, []step{
			{"recover", "1.0.0", nil},
			{"change", "1.0.0", commit(store.SourceAPI, false, "motd", `"ho"`)},
		}, true},
		{"damaged file at an update", func(fs *storetest.FS) { lived(fs); damage(fs) }, []step{
			{"recover and migrate", "2.0.0", nil},
		}, true},
		{"damaged file and no snapshot", func(fs *storetest.FS) {
			lived(fs)
			damage(fs)
			fs.Delete(dir + "/snapshots/1.0.0.json")
		}, []step{
			{"give up", "1.0.0", nil},
			{"user data", "1.0.0", commit(store.SourceUserData, false, "motd", `"ho"`)},
		}, true},
		{"refused at open", func(fs *storetest.FS) {
			lived(fs)
			o := options(fs, "1.0.0")
			o.Check = nil
			s, _, err := store.Open(o)
			if err != nil {
				panic(err)
			}
			defer s.Close()
			if err := commit(store.SourceAPI, false, "motd", `"bad"`)(s); err != nil {
				panic(err)
			}
		}, []step{{"heal", "1.0.0", nil}}, true},
	}
}

// at is what a store holds that is opened in a copy of fs, or why it does not
// open well.
func at(fs *storetest.FS, version string) string {
	o := options(fs.Clone(), version)
	if version == "2.0.0" {
		o.Migrations = renameGroup
	}
	s, opened, err := store.Open(o)
	if err != nil || opened.Unsaved != nil {
		return fmt.Sprintf("error %v %v", err, opened.Unsaved)
	}
	defer s.Close()
	if err := s.Patch("after", values("after", "1"), store.SourceAPI, false); err != nil {
		return err.Error()
	}
	before := strings.Join(show(s.Live()), " ")
	if c, err := s.Commit("after"); err != nil || c.Warning != nil {
		return fmt.Sprintf("the next commit: %v %v", err, c.Warning)
	}
	return before
}

// losses cuts the power at every operation of every step of a story, brings it
// back with every survival, and lists where then neither the state before nor
// after the step is in force, for the system that ran and for the one before.
func losses(t *testing.T, st story, noSync bool) (lost []string, cuts int) {
	t.Helper()
	fs := storetest.New()
	st.begin(fs)
	fs.Restart(storetest.Survival{Names: storetest.All, Data: storetest.All})
	fs.NoSync = noSync
	before := "1.0.0"
	damaged := fs.Files()[file]
	if !st.damaged {
		damaged = ""
	}
	for _, sp := range st.steps {
		after := fs.Clone()
		if err := sp.run(after); err != nil {
			t.Fatalf("%s: %s: %v", st.name, sp.name, err)
		}
		ends := map[string][]string{}
		for _, version := range []string{sp.version, before} {
			ends[version] = []string{at(after, version), at(fs, version)}
		}
		for n := 1; n <= after.Ops()+1; n++ {
			for _, survival := range storetest.Survivals() {
				cut := fs.Clone()
				cut.CutAt(n)
				acknowledged := sp.run(cut) == nil
				cut.Restart(survival)
				cuts++
				if !keeps(cut, damaged) {
					lost = append(lost, fmt.Sprintf("%s: %s: cut at operation %d, survived %+v: the damaged file is lost", st.name, sp.name, n, survival))
				}
				for version, allowed := range ends {
					if acknowledged {
						allowed = allowed[:1]
					}
					if got := at(cut, version); !slices.Contains(allowed, got) {
						lost = append(lost, fmt.Sprintf("%s: %s: cut at operation %d, survived %+v, acknowledged %v, opened as %s:\n got %s\nwant %s",
							st.name, sp.name, n, survival, acknowledged, version, got, strings.Join(allowed, "\n  or ")))
					}
				}
			}
		}
		fs, before = after, sp.version
	}
	return lost, cuts
}

// keeps reports whether the damaged content, if any, is still to be found.
func keeps(fs *storetest.FS, damaged string) bool {
	if damaged == "" {
		return true
	}
	for path, content := range fs.Files() {
		if strings.HasPrefix(path, file) && content == damaged {
			return true
		}
	}
	return false
}

func TestPowerCut(t *testing.T) {
	for _, st := range stories() {
		lost, cuts := losses(t, st, false)
		for _, l := range lost {
			t.Error(l)
		}
		if cuts < 100 {
			t.Errorf("%s: only %d power cuts: the story did not run", st.name, cuts)
		}
		t.Logf("%s: %d power cuts", st.name, cuts)
	}
}

// Without fsync the same test has to fail, or it would test nothing.
func TestPowerCutNoticesMissingSync(t *testing.T) {
	for _, st := range stories()[:3] {
		if lost, cuts := losses(t, st, true); len(lost) == 0 {
			t.Errorf("%s: nothing was lost in %d power cuts without fsync", st.name, cuts)
		}
	}
}

// A disk that fails at any operation, once or from then on, makes the step fail
// and leaves the state before or after it; when the disk is well again, the
// step can be done.
func TestDiskFails(t *testing.T) {
	for _, st := range stories() {
		fs := storetest.New()
		st.begin(fs)
		for _, sp := range st.steps {
			after := fs.Clone()
			if err := sp.run(after); err != nil {
				t.Fatal(err)
			}
			allowed := []string{at(after, sp.version), at(fs, sp.version)}
			for n := 1; n <= after.Ops(); n++ {
				for _, failure := range []error{syscall.EIO, syscall.ENOSPC} {
					for name, fail := range map[string]func(*storetest.FS){
						"once":     func(f *storetest.FS) { f.FailAt(n, failure) },
						"from now": func(f *storetest.FS) { f.FailFrom(n, failure) },
					} {
						failed := fs.Clone()
						fail(failed)
						err := sp.run(failed)
						failed.Repair()
						where := fmt.Sprintf("%s: %s: operation %d fails %s with %v: %v", st.name, sp.name, n, name, failure, err)
						if got := at(failed, sp.version); !slices.Contains(allowed, got) || err == nil && got != allowed[0] {
							t.Errorf("%s:\n got %s\nwant %s", where, got, strings.Join(allowed, "\n  or "))
						}
						if err := sp.run(failed); err != nil {
							t.Errorf("%s: again: %v", where, err)
						}
						if got := at(failed, sp.version); got != allowed[0] {
							t.Errorf("%s: again:\n got %s\nwant %s", where, got, allowed[0])
						}
					}
				}
			}
			fs = after
		}
	}
}

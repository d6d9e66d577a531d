package bootstate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/bootstatetest"
	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
)

var (
	v1   = bootstatetest.Version("1.0.0", "A", "")
	v2   = bootstatetest.Version("2.0.0", "B", "")
	old  = bootstatetest.Version("0.9.0", "B", "")
	next = bootstatetest.Version("3.0.0", "A", "")
)

// boot is a machine that is up with version 1 in slot A.
func boot(t *testing.T) *bootstatetest.Machine {
	t.Helper()
	m := bootstatetest.New(v1)
	settle(t, m, "1.0.0")
	return m
}

func settle(t *testing.T, m *bootstatetest.Machine, want string) {
	t.Helper()
	if err := m.Settle(); err != nil || m.Running() != want {
		t.Fatalf("the host runs %q, want %s: %v\n%s", m.Running(), want, err, strings.Join(m.Trace, "\n"))
	}
}

func update(t *testing.T, m *bootstatetest.Machine, v intent.Version) {
	t.Helper()
	if err := m.Update(v, false); err != nil {
		t.Fatal(err)
	}
}

func names(t *testing.T, m *bootstatetest.Machine, want ...string) {
	t.Helper()
	if d := cmp.Diff(want, m.FAT.Names()); d != "" {
		t.Errorf("EFI/Linux (-want +got):\n%s\n%s", d, strings.Join(m.Trace, "\n"))
	}
}

func record(t *testing.T, m *bootstatetest.Machine) intent.Record {
	t.Helper()
	r, note, err := m.Manager.Record.Read()
	if err != nil || note != "" {
		t.Fatalf("record: %q, %v", note, err)
	}
	return r
}

func file(v intent.Version, counter string) string {
	id, err := bootstate.EntryID("slipway", v)
	if err != nil {
		panic(err)
	}
	return strings.TrimSuffix(id, ".efi") + counter + ".efi"
}

// A fresh image has nothing to commit, whether it has EFI variables or not.
func TestFirstBoot(t *testing.T) {
	m := bootstatetest.New(v1)
	m.Vars.Err = efivar.ErrNone
	settle(t, m, "1.0.0")
	if m.Boots != 1 {
		t.Errorf("it took %d boots", m.Boots)
	}
	names(t, m, "slipway_1.0.0.efi")
	done, err := m.Manager.CommitBoot()
	if done || err != nil {
		t.Errorf("CommitBoot = %v, %v", done, err)
	}
	s, err := m.Manager.Inspect()
	if err != nil || s.State != "committed" || s.Next != "slipway_1.0.0.efi" {
		t.Errorf("Inspect: %+v, %v", s, err)
	}
	// A kernel that was started without the loader has no entry at all.
	m.Manager.Running.RootHash = v2.RootHash
	if done, err := m.Manager.CommitBoot(); done || err != nil {
		t.Errorf("CommitBoot without an entry = %v, %v", done, err)
	}
}

func TestUpdateTwiceAndRollback(t *testing.T) {
	m := boot(t)
	update(t, m, v2)
	names(t, m, "slipway_1.0.0.efi", file(v2, "+3-0"))
	settle(t, m, "2.0.0")
	names(t, m, "slipway_1.0.0.efi", file(v2, ""))
	if i := record(t, m).Intent; i.Phase != intent.Committed || len(i.Boots) != 1 {
		t.Errorf("intent %+v", i)
	}
	update(t, m, next)
	settle(t, m, "3.0.0")
	names(t, m, file(v2, ""), file(next, ""))
	if got, err := m.Manager.Rollback(); err != nil || got != v2 {
		t.Fatalf("Rollback = %+v, %v", got, err)
	}
	boots := m.Boots
	settle(t, m, "2.0.0")
	if m.Boots != boots+1 {
		t.Errorf("rollback took %d boots", m.Boots-boots)
	}
	names(t, m, file(v2, ""), file(next, "+0-0"))
	if r := record(t, m); r.Intent.Phase != intent.RolledBack || r.Refused(next.RootHash) == nil {
		t.Errorf("record %+v", r)
	}
	if err := m.Update(next, false); !errors.Is(err, bootstate.ErrRefused) {
		t.Errorf("the version that was left: %v", err)
	}
	if _, err := m.Manager.Rollback(); err != nil {
		t.Fatal(err)
	}
	settle(t, m, "3.0.0") // and forward again
	names(t, m, file(v2, ""), file(next, ""))
}

// An older version, and another build of the same version, are tried although
// the loader would rather start the one that runs.
func TestDowngradeByChoice(t *testing.T) {
	for _, to := range []intent.Version{old, bootstatetest.Version("1.0.0", "B", "again")} {
		for _, behaviour := range []bootstatetest.Behaviour{bootstatetest.Good, bootstatetest.Panic} {
			m := boot(t)
			update(t, m, to)
			if behaviour == bootstatetest.Panic && to.Version == "1.0.0" {
				continue // both builds would
			}
			m.Behave[to.Version] = behaviour
			boots := m.Boots
			if behaviour == bootstatetest.Panic {
				settle(t, m, "1.0.0")
				r := record(t, m)
				if f := r.Refused(to.RootHash); f == nil || !strings.HasPrefix(f.Reason, "tried 3 times;") {
					t.Errorf("failure %+v", f)
				}
				names(t, m, "slipway_1.0.0.efi")
				if got := m.Boots - boots; got != 6 {
					t.Errorf("%d boots, want three tries with one of the fallback after each", got)
				}
				continue
			}
			settle(t, m, to.Version)
			if m.Manager.Running.RootHash != to.RootHash {
				t.Errorf("the other build runs")
			}
			settle(t, m, to.Version)
			if m.Boots-boots != 2 || m.Manager.Running.RootHash != to.RootHash {
				t.Errorf("%d boots, running %+v:\n%s", m.Boots-boots, m.Manager.Running, strings.Join(m.Trace, "\n"))
			}
		}
	}
}

func TestDowngradeWithoutVariables(t *testing.T) {
	m := boot(t)
	m.Vars.Err = efivar.ErrNone
	err := m.Update(old, false)
	if !errors.Is(err, efivar.ErrNone) || !strings.Contains(err.Error(), "prefers the version that runs to 0.9.0") {
		t.Errorf("Activate: %v", err)
	}
	if i := record(t, m).Intent; i.Phase != intent.Staged {
		t.Errorf("phase %s", i.Phase)
	}
	settle(t, m, "1.0.0")
	if err := m.Manager.Cancel(); err != nil {
		t.Fatal(err)
	}
	names(t, m, "slipway_1.0.0.efi")
	update(t, m, v2) // a newer one needs none
	settle(t, m, "2.0.0")
}

func TestTrialFails(t *testing.T) {
	for _, tc := range []struct {
		behaviour bootstatetest.Behaviour
		evidence  string
		reason    string
	}{
		{bootstatetest.Bad, "", "tried 3 times; boot boot-4: api: no answer"},
		{bootstatetest.Panic, "", "tried 3 times; no boot came as far as the STATE partition: a kernel panic, an unreadable root, a hang or a power cut"},
		{bootstatetest.Panic, "kernel: Kernel panic - not syncing: x", "tried 3 times; kernel: Kernel panic - not syncing: x"},
		{bootstatetest.Hang, "", "tried 3 times; boot boot-4 ended without a word: a kernel panic, a hang or a power cut"},
	} {
		m := boot(t)
		m.Evidence, m.Behave["2.0.0"] = tc.evidence, tc.behaviour
		update(t, m, v2)
		for range 3 {
			if up, err := m.Boot(); up || err != nil {
				t.Fatalf("%s: up %v, %v", tc.behaviour, up, err)
			}
			if m.Manager != nil { // while it is on trial, nobody touches the other slot
				if err := m.Manager.Prepare(bootstate.Update{Version: next}); !errors.Is(err, bootstate.ErrOnTrial) {
					t.Errorf("%s: Prepare: %v", tc.behaviour, err)
				}
			}
		}
		names(t, m, "slipway_1.0.0.efi", file(v2, "+0-3"))
		if up, err := m.Boot(); up != true || err != nil || m.Running() != "1.0.0" {
			t.Fatalf("%s: %v", tc.behaviour, err)
		}
		r := record(t, m)
		if r.Intent.Phase != intent.Failed || r.Intent.Reason != tc.reason {
			t.Errorf("%s: %s, reason %q, want %q", tc.behaviour, r.Intent.Phase, r.Intent.Reason, tc.reason)
		}
		names(t, m, "slipway_1.0.0.efi")
		if err := m.Update(v2, false); !errors.Is(err, bootstate.ErrRefused) || !strings.Contains(err.Error(), tc.reason) {
			t.Errorf("%s: offered again: %v", tc.behaviour, err)
		}
		if n, err := m.Manager.Forget("2.0.0"); n != 1 || err != nil {
			t.Errorf("Forget = %d, %v", n, err)
		}
		m.Behave["2.0.0"] = bootstatetest.Good
		update(t, m, v2)
		settle(t, m, "2.0.0")
	}
}

// A version that comes good at its last try is committed.
func TestLastTry(t *testing.T) {
	m := boot(t)
	m.Behave["2.0.0"] = bootstatetest.Hang
	update(t, m, v2)
	for range 2 {
		if _, err := m.Boot(); err != nil {
			t.Fatal(err)
		}
	}
	m.Behave["2.0.0"] = bootstatetest.Good
	settle(t, m, "2.0.0")
	names(t, m, "slipway_1.0.0.efi", file(v2, ""))
}

func TestTakenBackBeforeTheReboot(t *testing.T) {
	m := boot(t)
	update(t, m, v2)
	if err := m.Manager.Prepare(bootstate.Update{Version: v2}); !errors.Is(err, bootstate.ErrPhase) {
		t.Errorf("Prepare while one waits: %v", err)
	}
	if err := m.Manager.Deactivate(); err != nil {
		t.Fatal(err)
	}
	settle(t, m, "1.0.0")
	if err := m.Manager.Activate(); err != nil {
		t.Fatal(err)
	}
	if err := m.Manager.Cancel(); err != nil {
		t.Fatal(err)
	}
	names(t, m, "slipway_1.0.0.efi")
	settle(t, m, "1.0.0")
	if i := record(t, m).Intent; i.Phase != intent.Cancelled {
		t.Errorf("phase %s", i.Phase)
	}
	for what, do := range map[string]func() error{
		"Activate": m.Manager.Activate, "Deactivate": m.Manager.Deactivate, "Cancel": m.Manager.Cancel,
		"Stage": func() error { return m.Manager.Stage(nil) },
	} {
		if err := do(); !errors.Is(err, bootstate.ErrPhase) {
			t.Errorf("%s of nothing: %v", what, err)
		}
	}
	if _, err := m.Manager.Rollback(); !errors.Is(err, bootstate.ErrNoOther) {
		t.Errorf("Rollback: %v", err)
	}
}

func TestRefusals(t *testing.T) {
	m := boot(t)
	for _, tc := range []struct {
		name string
		to   intent.Version
		err  string
	}{
		{"running slot", bootstatetest.Version("2.0.0", "A", ""), "slot A runs"},
		{"same image", bootstatetest.Version("1.0.0", "B", ""), "that very image runs"},
		{"odd slot", bootstatetest.Version("2.0.0", "C", ""), `slot "C" is neither A nor B`},
	} {
		if err := m.Manager.Prepare(bootstate.Update{Version: tc.to}); err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.err)
		}
	}
	names(t, m, "slipway_1.0.0.efi")
	if err := m.Manager.Prepare(bootstate.Update{Version: v2}); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name  string
		image []byte
		room  int64
		err   string
	}{
		{"no image", []byte("MZ"), 1 << 30, "is no EFI executable"},
		{"another image", bootstatetest.Image(next), 1 << 30, "it is slipway 3.0.0 with root hash"},
		{"no room", bootstatetest.Image(v2), 1 << 20, "has no room"},
	} {
		m.FAT.Room = tc.room
		if err := m.Manager.Stage(tc.image); err == nil || !strings.Contains(err.Error(), tc.err) {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.err)
		}
	}
	names(t, m, "slipway_1.0.0.efi")
}

// A trial that the record does not name is never committed, and gone after its
// tries; nor is one whose record is damaged.
func TestNotMeant(t *testing.T) {
	m := boot(t)
	update(t, m, v2)
	for _, name := range []string{"intent.0", "intent.1"} {
		m.State.Put("/var/lib/slipway/bootstate/"+name, "{damaged")
	}
	if _, err := m.Boot(); !errors.Is(err, bootstate.ErrNotMeant) {
		t.Errorf("a trial without a record: %v", err)
	}
	if !slices.ContainsFunc(m.Trace, func(s string) bool {
		return strings.Contains(s, "both") || strings.Contains(s, "nothing is known of trials")
	}) {
		t.Errorf("the damage was not told:\n%s", strings.Join(m.Trace, "\n"))
	}
	reboot, err := m.Manager.Gate("not meant")
	if !reboot || err != nil {
		t.Errorf("Gate = %v, %v", reboot, err)
	}
	for range 2 {
		if _, err := m.Boot(); !errors.Is(err, bootstate.ErrNotMeant) {
			t.Errorf("%v", err)
		}
	}
	settle(t, m, "1.0.0")
	names(t, m, "slipway_1.0.0.efi")
}

// A committed version that is not good stays up, and so does a trial that has
// nothing to fall back to.
func TestGateStays(t *testing.T) {
	m := boot(t)
	if reboot, err := m.Manager.Gate("x"); reboot || err != nil {
		t.Errorf("committed: %v, %v", reboot, err)
	}
	m.Behave["2.0.0"] = bootstatetest.Hang
	update(t, m, v2)
	if _, err := m.Boot(); err != nil {
		t.Fatal(err)
	}
	if err := m.FAT.Remove("slipway_1.0.0.efi"); err != nil {
		t.Fatal(err)
	}
	if reboot, err := m.Manager.Gate("x"); reboot || err != nil {
		t.Errorf("nothing to fall back to: %v, %v", reboot, err)
	}
}

// The second line: a committed version that does not come up any more is left
// for the other one, after that has let it try again.
func TestRot(t *testing.T) {
	m := boot(t)
	update(t, m, v2)
	settle(t, m, "2.0.0")
	want := map[string]string{efivar.OneShot: file(v2, ""), efivar.Default: "slipway_1.0.0.efi"}
	if d := cmp.Diff(want, m.Vars.Values); d != "" {
		t.Errorf("variables (-want +got):\n%s", d)
	}
	boots := m.Boots
	settle(t, m, "2.0.0")
	if m.Boots != boots+1 {
		t.Errorf("an ordinary reboot took %d boots", m.Boots-boots)
	}
	m.Behave["2.0.0"] = bootstatetest.Panic
	if up, err := m.Boot(); up || err != nil {
		t.Fatal(up, err)
	}
	once := m.Clone()
	once.Behave["2.0.0"] = bootstatetest.Good
	boots = once.Boots
	settle(t, once, "2.0.0")
	if once.Boots != boots+2 {
		t.Errorf("one bad boot cost %d more", once.Boots-boots)
	}
	if r := record(t, once); r.Returns != 0 || len(r.Failed) != 0 {
		t.Errorf("record %+v", r)
	}
	settle(t, m, "1.0.0")
	r := record(t, m)
	if f := r.Refused(v2.RootHash); f == nil || f.Reason != "committed, but did not come up 3 times in a row" {
		t.Errorf("failure %+v", f)
	}
	names(t, m, "slipway_1.0.0.efi", file(v2, "+0-0"))
	boots = m.Boots
	settle(t, m, "1.0.0")
	if m.Boots != boots+1 {
		t.Errorf("afterwards a boot takes %d\n%s", m.Boots-boots, strings.Join(m.Trace, "\n"))
	}
}

// Somebody made the loader start an entry for all boots: it would do so even
// when the entry is exhausted, so the choice does not outlive an activation,
// nor a boot.
func TestForeignDefault(t *testing.T) {
	m := boot(t)
	m.Vars.Values[efivar.Default] = "slipway_1.0.0.efi"
	update(t, m, v2)
	settle(t, m, "2.0.0")
	m = boot(t)
	m.Behave["2.0.0"] = bootstatetest.Panic
	update(t, m, v2)
	m.Vars.Values[efivar.Default] = file(v2, "")
	for range 5 { // it has the loader choose an exhausted entry
		if _, err := m.Boot(); err != nil {
			t.Fatal(err)
		}
	}
	m.Behave["2.0.0"] = bootstatetest.Hang
	settle(t, m, "1.0.0")
}

// Names that a torn rename left: one with nothing behind it, and second names
// of one image, which must not be removed one by one.
func TestTornNames(t *testing.T) {
	m := boot(t)
	m.FAT.Put(file(v2, ""), nil)
	settle(t, m, "1.0.0")
	names(t, m, "slipway_1.0.0.efi")

	update(t, m, v2)
	if err := m.FAT.Link(file(v2, "+3-0"), file(v2, "")); err != nil {
		t.Fatal(err)
	}
	settle(t, m, "2.0.0")
	names(t, m, "slipway_1.0.0.efi", file(v2, "+0-9"), file(v2, ""))
	if s, err := m.Manager.Inspect(); err != nil || s.State != "committed" {
		t.Errorf("%+v, %v", s, err)
	}
	settle(t, m, "2.0.0")
	if _, err := m.Manager.Rollback(); err != nil {
		t.Fatal(err)
	}
	settle(t, m, "1.0.0")
	if n := len(m.FAT.Names()); n != 3 { // both names of 2.0.0 are there, and whole
		t.Errorf("names %v", m.FAT.Names())
	}
	if _, err := m.Manager.Rollback(); err != nil {
		t.Fatal(err)
	}
	settle(t, m, "2.0.0")
	update(t, m, next)
	settle(t, m, "3.0.0")
	update(t, m, bootstatetest.Version("4.0.0", "B", ""))
	settle(t, m, "4.0.0") // both names of 2.0.0 went together
	names(t, m, file(next, ""), file(bootstatetest.Version("4.0.0", "B", ""), ""))
}

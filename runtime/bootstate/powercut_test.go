package bootstate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/bootstatetest"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// A story is what happens to a host, from a state in which it is up, with the
// power going out somewhere in it.
type story struct {
	name  string
	begin func(*testing.T) *bootstatetest.Machine
	run   func(*bootstatetest.Machine) error
	// ends are the versions that may run afterwards, once the host stays up;
	// the last is where the story ends without a power cut.
	ends []string
	// again are the steps by which the host then still comes to that end.
	again func(*bootstatetest.Machine) error
	// bad says that the version that the story brings fails.
	bad bool
}

func reboot(m *bootstatetest.Machine) error { return m.Settle() }

// tryUpdate updates to a version unless it runs already, whatever was left.
func tryUpdate(v intent.Version) func(*bootstatetest.Machine) error {
	return func(m *bootstatetest.Machine) error {
		if m.Running() == v.Version {
			return nil
		}
		if err := m.Manager.Cancel(); err != nil && !errors.Is(err, bootstate.ErrPhase) {
			return err
		}
		if err := m.Update(v, true); err != nil {
			return err
		}
		return m.Settle()
	}
}

func updateAndBoot(v intent.Version) func(*bootstatetest.Machine) error {
	return func(m *bootstatetest.Machine) error {
		if err := m.Update(v, false); err != nil {
			return err
		}
		return errors.Join(m.Settle(), m.Settle()) // the second for what was promised by the first
	}
}

func updated(t *testing.T) *bootstatetest.Machine {
	m := boot(t)
	update(t, m, v2)
	settle(t, m, "2.0.0")
	return m
}

func stories() []story {
	behave := func(v string, b bootstatetest.Behaviour) func(*testing.T) *bootstatetest.Machine {
		return func(t *testing.T) *bootstatetest.Machine {
			m := boot(t)
			m.Behave[v] = b
			return m
		}
	}
	rollback := func(m *bootstatetest.Machine) error {
		to, err := m.Manager.Rollback()
		if err != nil {
			return err
		}
		m.Promised = to.Version
		return m.Settle()
	}
	return []story{
		{name: "first boot", begin: func(*testing.T) *bootstatetest.Machine { return bootstatetest.New(v1) },
			run: reboot, ends: []string{"1.0.0"}},
		{name: "update", begin: boot, run: updateAndBoot(v2), ends: []string{"1.0.0", "2.0.0"}, again: tryUpdate(v2)},
		{name: "next update", begin: updated, run: updateAndBoot(next), ends: []string{"2.0.0", "3.0.0"}, again: tryUpdate(next)},
		{name: "downgrade", begin: boot, run: updateAndBoot(old), ends: []string{"1.0.0", "0.9.0"}, again: tryUpdate(old)},
		{name: "panic", begin: behave("2.0.0", bootstatetest.Panic), run: updateAndBoot(v2), ends: []string{"1.0.0"}, bad: true},
		{name: "bad", begin: behave("2.0.0", bootstatetest.Bad), run: updateAndBoot(v2), ends: []string{"1.0.0"}, bad: true},
		{name: "bad downgrade", begin: behave("0.9.0", bootstatetest.Bad), run: updateAndBoot(old), ends: []string{"1.0.0"}, bad: true},
		{name: "rollback", begin: updated, run: rollback, ends: []string{"2.0.0", "1.0.0"}, again: func(m *bootstatetest.Machine) error {
			if m.Running() == "1.0.0" {
				return nil
			}
			return rollback(m)
		}},
		{name: "change of mind", begin: boot, run: func(m *bootstatetest.Machine) error {
			return errors.Join(m.Update(v2, false), m.Manager.Deactivate(), m.Manager.Activate(), m.Manager.Cancel())
		}, ends: []string{"2.0.0", "1.0.0"}},
		{name: "reboot in order", begin: updated, run: func(m *bootstatetest.Machine) error {
			return errors.Join(m.Manager.Guard(), m.Settle())
		}, ends: []string{"2.0.0"}},
		{name: "rot", begin: func(t *testing.T) *bootstatetest.Machine {
			m := updated(t)
			m.Behave["2.0.0"] = bootstatetest.Panic
			return m
		}, run: reboot, ends: []string{"1.0.0"}},
	}
}

// sabotage is what a test of the test takes out of the program.
type sabotage func(*bootstatetest.Machine)

// A cut is one power cut, and what was not synced then and survived.
type cut struct {
	at   int
	mask uint
	data storetest.Part
	s    storetest.Survival
	late bool
}

// losses cuts the power at each operation of a story, with every survival, and
// lists where the host then does not do as it should, until that is enough.
func losses(t *testing.T, st story, spoil sabotage, enough int) (lost []string, cuts int) {
	t.Helper()
	m := st.begin(t)
	m.Trace = nil
	spoil(m)
	whole := m.Clone()
	whole.Power.Ops = 0
	if err := st.run(whole); err != nil || whole.Running() != st.ends[len(st.ends)-1] {
		return []string{fmt.Sprintf("%s: without a power cut: %q runs, %v\n%s", st.name, whole.Running(), err, strings.Join(whole.Trace, "\n"))}, 0
	}
	for at := 1; at <= whole.Power.Ops && len(lost) < enough; at++ {
		first := m.Clone()
		for _, c := range survivals(first, st, at) {
			cuts++
			if why := suffer(m.Clone(), st, c); why != "" {
				lost = append(lost, fmt.Sprintf("%s: %+v: %s", st.name, c, why))
			}
		}
	}
	return lost, cuts
}

// survivals is all that may be left of a power cut at an operation, which m is
// brought to.
func survivals(m *bootstatetest.Machine, st story, at int) []cut {
	m.Power.Ops, m.Power.CutAt = 0, at
	_ = st.run(m) // until the power is cut
	var list []cut
	none := storetest.Survival{Names: storetest.None, Data: storetest.None}
	switch m.Power.In {
	case "state":
		for _, s := range storetest.Survivals() {
			list = append(list, cut{at: at, s: s, mask: 0, data: storetest.None})
		}
	case "vars":
		return []cut{{at: at, s: none, data: storetest.None}, {at: at, s: none, data: storetest.None, late: true}}
	default:
		for mask := range uint(1) << min(m.FAT.Pending(), 6) {
			for _, data := range []storetest.Part{storetest.None, storetest.Half, storetest.All} {
				list = append(list, cut{at: at, mask: mask, data: data, s: none})
			}
		}
	}
	return list
}

// suffer cuts the power and says what is wrong afterwards, "" if nothing.
func suffer(m *bootstatetest.Machine, st story, c cut) string {
	m.Power.Ops, m.Power.CutAt, m.Vars.Late = 0, c.at, c.late
	if err := st.run(m); err == nil {
		return "the story did not notice that the power was cut"
	}
	ends := st.ends
	if last := ends[len(ends)-1]; m.Promised == last {
		ends = []string{last}
	}
	m.Restart(c.s, c.mask, c.data)
	wrong := func(format string, args ...any) string {
		return fmt.Sprintf(format, args...) + "\n\t" + strings.Join(m.Trace, "\n\t")
	}
	if err := m.Settle(); err != nil {
		return wrong("%v", err)
	}
	if !slices.Contains(ends, m.Running()) {
		return wrong("%s runs, want one of %v", m.Running(), ends)
	}
	if twice := doubled(m.FAT.Names()); twice != "" && !strings.Contains(twice, "+0-") {
		return wrong("%s is an entry both with a counter and without", twice)
	}
	if why := stays(m, ends); why != "" {
		return wrong("%s", why)
	}
	if st.bad {
		return offered(m, st, wrong)
	}
	if st.again == nil {
		return ""
	}
	if err := errors.Join(st.again(m), m.Settle()); err != nil || m.Running() != st.ends[len(st.ends)-1] {
		return wrong("once more: %s runs, want %s: %v", m.Running(), st.ends[len(st.ends)-1], err)
	}
	return ""
}

// stays reboots the host some more. A version whose trial was to come may be
// committed by that; afterwards nothing changes.
func stays(m *bootstatetest.Machine, ends []string) string {
	for n := range 3 {
		before := m.Running()
		if err := m.Settle(); err != nil {
			return err.Error()
		}
		if after := m.Running(); after != before && (n > 0 || after != ends[len(ends)-1]) {
			return fmt.Sprintf("after another reboot %s runs instead of %s", after, before)
		}
	}
	return ""
}

// offered tries the version that failed again, until it is refused: at once,
// or, where the power cut kept it from being tried to the end, after that.
func offered(m *bootstatetest.Machine, st story, wrong func(string, ...any) string) string {
	for range 4 {
		err := st.run(m)
		if errors.Is(err, bootstate.ErrRefused) {
			return ""
		}
		if errors.Is(err, bootstate.ErrPhase) {
			err = m.Manager.Cancel()
		}
		if err != nil {
			return wrong("%v", err)
		}
	}
	return wrong("the version that failed is taken again and again")
}

// doubled finds an ID with two names, of which one has no counter, and is the
// one that has.
func doubled(names []string) string {
	for _, n := range names {
		stem, _, ok := strings.Cut(n, "+")
		if ok && slices.Contains(names, stem+".efi") {
			return n
		}
	}
	return ""
}

func TestPowerCut(t *testing.T) {
	for _, st := range stories() {
		t.Run(st.name, func(t *testing.T) {
			lost, cuts := losses(t, st, func(*bootstatetest.Machine) {}, 3)
			for _, l := range lost {
				t.Error(l)
			}
			t.Logf("%d power cuts", cuts)
			if cuts < 20 {
				t.Errorf("only %d power cuts: the story did not run", cuts)
			}
		})
	}
}

// With a sync taken out the same test has to fail, or it would test nothing.
func TestPowerCutNoticesMissingSync(t *testing.T) {
	for name, spoil := range map[string]sabotage{
		"of images": func(m *bootstatetest.Machine) { m.FAT.NoSync = true },
		"of names":  func(m *bootstatetest.Machine) { m.FAT.NoSyncDir = true },
		"of STATE":  func(m *bootstatetest.Machine) { m.State.NoSync = true },
	} {
		lost := 0
		for _, st := range stories()[1:4] {
			if lost == 0 {
				l, _ := losses(t, st, spoil, 1)
				lost += len(l)
				for _, why := range l {
					t.Logf("without the sync %s: %.200s", name, why)
				}
			}
		}
		if lost == 0 {
			t.Errorf("nothing was lost without the sync %s", name)
		}
	}
}

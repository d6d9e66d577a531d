package bootstatetest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"strings"
	"sync"
	"time"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/imagetool/verity"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/efivar"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/bootstate/sdboot"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// A Behaviour is how the boots of a version go.
type Behaviour string

// Behaviours.
const (
	Good  Behaviour = "good"
	Bad   Behaviour = "bad"   // a check fails, and the gate is asked
	Panic Behaviour = "panic" // it never comes as far as STATE
	Hang  Behaviour = "hang"  // it does, and then no further
)

// A Machine is a host.
type Machine struct {
	Power *Power
	State *storetest.FS
	FAT   *FAT
	Vars  *Vars
	// Slots are the root hashes of what can be booted in A and B.
	Slots map[string]string
	// Behave is how versions behave; Good, where it says nothing.
	Behave map[string]Behaviour
	// Evidence is what a boot that ended left behind.
	Evidence string
	// Manager is that of the system that is up, nil if none is.
	Manager *bootstate.Manager
	// Promised is the version that was committed last, or rolled back to, and
	// acknowledged: from then on nothing else may come up.
	Promised string
	// Boots counts them; Trace tells what happened, for tests that fail.
	Boots int
	Trace []string
}

// Version is version v in a slot; build tells two builds of it apart.
func Version(v, slot, build string) intent.Version {
	return intent.Version{Version: v, RootHash: hash(v, build), Slot: slot}
}

func hash(v, build string) string {
	sum := sha256.Sum256([]byte(v + "/" + build))
	return hex.EncodeToString(sum[:])
}

// Image is the unified kernel image of a version.
func Image(v intent.Version) []byte {
	if b, ok := images.Load(v); ok {
		return b.([]byte)
	}
	b := build(v)
	images.Store(v, b)
	return b
}

// images are those that were built: tests need them thousands of times.
var images sync.Map

func build(v intent.Version) []byte {
	root, err := verity.ParseRootHash(v.RootHash)
	if err != nil {
		panic(err)
	}
	line, err := cmdline.Build(cmdline.Root{Hash: root, Salt: []byte{1}, Blocks: 10}, "")
	if err != nil {
		panic(err)
	}
	b, err := uki.Build(uki.Parts{
		Stub: fixture.Stub(uki.X86_64), Kernel: fixture.Kernel(uki.X86_64), Cmdline: line,
		OSRelease: []byte("NAME=Slipway\nID=slipway\nVERSION_ID=" + v.Version + "\n"),
	})
	if err != nil {
		panic(err)
	}
	return b
}

// New is a host as an image makes it: one version in slot A, with an entry
// named as imagetool names it.
func New(v intent.Version) *Machine {
	p := &Power{}
	m := &Machine{
		Power: p, State: storetest.New(), FAT: NewFAT(p), Vars: &Vars{Values: map[string]string{}, power: p},
		Slots: map[string]string{v.Slot: v.RootHash}, Behave: map[string]Behaviour{},
	}
	m.FAT.Put("slipway_"+v.Version+".efi", Image(v))
	return m
}

// Clone is another machine with the same content.
func (m *Machine) Clone() *Machine {
	c := *m
	p := *m.Power
	c.Power, c.State, c.FAT = &p, m.State.Clone(), m.FAT.clone(&p)
	c.Vars = &Vars{Values: maps.Clone(m.Vars.Values), Err: m.Vars.Err, power: &p, Late: m.Vars.Late}
	c.Slots, c.Behave = maps.Clone(m.Slots), maps.Clone(m.Behave)
	c.Trace = append([]string(nil), m.Trace...)
	if m.Manager != nil {
		c.Manager = c.manager(m.Manager.Running)
	}
	return &c
}

func (m *Machine) manager(r bootstate.Running) *bootstate.Manager {
	return &bootstate.Manager{
		Record: intent.File{FS: state{m.State, m.Power}, Dir: "/var/lib/slipway/bootstate"},
		ESP:    esp.Folder{FS: m.FAT, Dir: "/esp"}, Vars: m.Vars, Running: r,
		Evidence: func(string) string { return m.Evidence },
		Now:      func() time.Time { return time.Date(2026, 11, 28, 0, 0, m.Boots, 0, time.UTC) },
	}
}

func (m *Machine) say(format string, args ...any) {
	m.Trace = append(m.Trace, fmt.Sprintf(format, args...))
}

// Restart gives the power back; see FAT.Restart and storetest.FS.Restart.
func (m *Machine) Restart(s storetest.Survival, mask uint, data storetest.Part) {
	m.State.Restart(s)
	m.FAT.Restart(mask, data)
	m.Power.Dark, m.Power.CutAt, m.Manager = false, 0, nil
	m.say("power cut in %s at operation %d, survived %+v, names %b, data %s: %s", m.Power.In, m.Power.Ops, s, mask, data, strings.Join(m.FAT.Names(), " "))
}

// ErrDead says that the loader found nothing to start, or something that
// cannot be.
var ErrDead = errors.New("the host does not boot")

// load is the boot loader: it chooses, counts, and starts.
func (m *Machine) load() (intent.Version, error) {
	folder := esp.Folder{FS: m.FAT, Dir: "/esp"}
	list, err := folder.List()
	if err != nil {
		return intent.Version{}, err
	}
	var entries []sdboot.Entry
	images := map[sdboot.Entry]esp.Entry{}
	for _, e := range list {
		if !e.Beside && e.Err == nil {
			entries = append(entries, e.Entry)
			images[e.Entry] = e
		}
	}
	v := sdboot.Variables{OneShot: m.Vars.Values[efivar.OneShot], Default: m.Vars.Values[efivar.Default]}
	if err := m.Vars.Set(efivar.OneShot, ""); err != nil && m.Vars.Err == nil {
		return intent.Version{}, err
	}
	at := sdboot.Select(entries, v)
	if at < 0 {
		return intent.Version{}, fmt.Errorf("%w: no entry in %v", ErrDead, m.FAT.Names())
	}
	e := images[entries[at]]
	m.say("loader starts %s of %v, variables %+v", e.File, m.FAT.Names(), v)
	if next := e.Next(); e.Counted && next.File() != e.File {
		if err := errors.Join(m.FAT.Rename(e.File, next.File()), m.FAT.SyncDir("")); err != nil {
			return intent.Version{}, err
		}
	}
	for slot, hash := range m.Slots {
		if hash == e.RootHash {
			return intent.Version{Version: e.Release, RootHash: hash, Slot: slot}, nil
		}
	}
	return intent.Version{}, fmt.Errorf("%w: no slot holds what %s starts", ErrDead, e.File)
}

// Boot is one boot. It is true where the host stays up, false where it is to
// be booted again.
func (m *Machine) Boot() (up bool, err error) {
	m.Manager = nil
	m.Boots++
	v, err := m.load()
	if err != nil {
		return false, err
	}
	if m.Behave[v.Version] == Panic {
		return false, nil
	}
	m.Manager = m.manager(bootstate.Running{Version: v, BootID: fmt.Sprintf("boot-%d", m.Boots)})
	a, err := m.Manager.Assess()
	m.say("%s assesses: %+v, %v", v.Version, a, err)
	switch {
	case m.Power.Dark:
		return false, storetest.ErrPowerCut
	case err != nil:
		return false, err
	case a.Reboot:
		return false, nil
	}
	switch m.Behave[v.Version] {
	case Hang:
		return false, nil
	case Bad:
		reboot, err := m.Manager.Gate("api: no answer")
		return !reboot, err
	}
	done, err := m.Manager.CommitBoot()
	m.say("%s commits: %v, %v", v.Version, done, err)
	if done && err == nil {
		m.Promised = v.Version
	}
	return err == nil, err
}

// Settle boots until the host stays up, as it must within some boots.
func (m *Machine) Settle() error {
	const enough = 15
	for range enough {
		up, err := m.Boot()
		if err != nil || up {
			return err
		}
	}
	return fmt.Errorf("%w: it does not stay up in %d boots", ErrDead, enough)
}

// Running is the version that is up.
func (m *Machine) Running() string {
	if m.Manager == nil {
		return ""
	}
	return m.Manager.Running.Version.Version
}

// Update takes all steps of an update but the reboot.
func (m *Machine) Update(v intent.Version, force bool) error {
	if err := m.Manager.Prepare(bootstate.Update{Version: v, Source: "test", Force: force}); err != nil {
		return err
	}
	if m.Manager.Running.Slot == v.Slot {
		return errors.New("the slot that runs was opened to be written")
	}
	delete(m.Slots, v.Slot)
	m.Slots[v.Slot] = v.RootHash
	if err := m.Manager.Stage(Image(v)); err != nil {
		return err
	}
	return m.Manager.Activate()
}

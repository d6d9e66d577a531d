// Package bootstatetest has a host in memory whose power can be cut: STATE, an
// EFI system partition that behaves like FAT, the loader's variables, and a
// boot loader that counts and chooses as systemd-boot does.
package bootstatetest

import (
	"io"

	"github.com/slipway-os/slipway/runtime/store"
	"github.com/slipway-os/slipway/runtime/store/storetest"
)

// Power is what STATE, ESP and variables of one host share: it counts all that
// changes any of them, and goes out at the operation that it is told.
type Power struct {
	Ops   int
	CutAt int // 0: never
	Dark  bool
	// In says what the power was cut in: state, esp, vars.
	In string
}

// on counts an operation and says whether it is to be carried out whole; if
// not, the first time, cut is called.
func (p *Power) on(in string, cut func()) bool {
	if p.Dark {
		return false
	}
	if p.Ops++; p.Ops != p.CutAt {
		return true
	}
	p.Dark, p.In = true, in
	cut()
	return false
}

// state is a storetest.FS on a Power.
type state struct {
	*storetest.FS
	power *Power
}

// count lets the file system below cut, which carries a write out in part.
func (s state) count() { s.power.on("state", func() { s.FS.CutAt(1) }) }

func (s state) gone() bool { return s.power.Dark && s.power.In != "state" }

func (s state) Lock(path string) (io.Closer, error) {
	if s.power.Dark {
		return nil, storetest.ErrPowerCut
	}
	return s.FS.Lock(path)
}

func (s state) change(do func() error) error {
	s.count()
	if s.gone() {
		return storetest.ErrPowerCut
	}
	return do()
}

func (s state) Mkdir(path string) error {
	if _, err := s.FS.ReadDir(path); err == nil {
		return nil // it is there: nothing changes
	}
	return s.change(func() error { return s.FS.Mkdir(path) })
}

func (s state) SyncDir(path string) error {
	return s.change(func() error { return s.FS.SyncDir(path) })
}

func (s state) Create(path string) (f store.File, err error) {
	err = s.change(func() error { f, err = s.FS.Create(path); return err })
	return stateFile{f, s}, err
}

type stateFile struct {
	store.File
	s state
}

func (f stateFile) Write(b []byte) (n int, err error) {
	err = f.s.change(func() error { n, err = f.File.Write(b); return err })
	return n, err
}

func (f stateFile) Sync() error { return f.s.change(f.File.Sync) }

// Vars are EFI variables in memory.
type Vars struct {
	Values map[string]string
	// Err is what Set answers, such as efivar.ErrNone.
	Err   error
	power *Power
	// Late says that a Set in which the power is cut is carried out.
	Late bool
}

// Get implements efivar.Variables.
func (v *Vars) Get(name string) (string, error) {
	if v.power.Dark {
		return "", storetest.ErrPowerCut
	}
	return v.Values[name], nil
}

// Set implements efivar.Variables.
func (v *Vars) Set(name, value string) error {
	if v.power.Dark {
		return storetest.ErrPowerCut
	}
	if v.Values[name] == value {
		return nil
	}
	if v.Err != nil {
		return v.Err
	}
	do := func() {
		if v.Values[name] = value; value == "" {
			delete(v.Values, name)
		}
	}
	if !v.power.on("vars", func() {
		if v.Late {
			do()
		}
	}) {
		return storetest.ErrPowerCut
	}
	do()
	return nil
}

package update

import (
	"errors"
	"io"
	"sync"
	"time"

	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/esp"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
	"github.com/slipway-os/slipway/runtime/store"
)

// reserve is what a new boot image leaves free in the EFI system partition.
const reserve = 1 << 20

// How long another process, such as the one that commits a boot, is waited for.
const (
	lockTries = 40
	lockPause = 250 * time.Millisecond
)

// Managed is a Boot by bootstate's manager, which is opened anew for each
// operation: the EFI system partition is mounted only as long as it is needed,
// and at one place, so that operations wait for each other.
type Managed struct {
	Open func() (*bootstate.Manager, func() error, error)

	mu sync.Mutex // held while it is open
}

func (b *Managed) with(do func(*bootstate.Manager) error) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	m, end, err := b.Open()
	if err != nil {
		return err
	}
	for try := 1; ; try++ {
		if err = do(m); !errors.Is(err, store.ErrLocked) || try == lockTries {
			break
		}
		time.Sleep(lockPause)
	}
	return errors.Join(err, end())
}

// Prepare implements Boot.
func (b *Managed) Prepare(u bootstate.Update) error {
	return b.with(func(m *bootstate.Manager) error { return m.Prepare(u) })
}

// Stage implements Boot.
func (b *Managed) Stage(uki []byte) error {
	return b.with(func(m *bootstate.Manager) error { return m.Stage(uki) })
}

// Activate implements Boot.
func (b *Managed) Activate() error { return b.with((*bootstate.Manager).Activate) }

// Deactivate implements Boot.
func (b *Managed) Deactivate() error { return b.with((*bootstate.Manager).Deactivate) }

// Cancel implements Boot.
func (b *Managed) Cancel() error { return b.with((*bootstate.Manager).Cancel) }

// Rollback implements Boot.
func (b *Managed) Rollback() (v intent.Version, err error) {
	err = b.with(func(m *bootstate.Manager) (err error) { v, err = m.Rollback(); return err })
	return v, err
}

// Forget implements Boot.
func (b *Managed) Forget(which string) (n int, err error) {
	err = b.with(func(m *bootstate.Manager) (err error) { n, err = m.Forget(which); return err })
	return n, err
}

// Inspect implements Boot.
func (b *Managed) Inspect() (s bootstate.Status, err error) {
	err = b.with(func(m *bootstate.Manager) (err error) { s, err = m.Inspect(); return err })
	return s, err
}

// Room implements Boot. What Manager.Prepare removes counts as room.
func (b *Managed) Room() (room int64, err error) {
	err = b.with(func(m *bootstate.Manager) error {
		if room, err = m.ESP.FS.Free(m.ESP.Dir); err != nil {
			return err
		}
		entries, err := m.ESP.List()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.RootHash == m.Running.RootHash {
				continue
			}
			in, err := m.ESP.FS.Open(m.ESP.Dir + "/" + e.File)
			if err != nil {
				continue // it may be removed, but nobody knows what for
			}
			room += in.Size()
			if err := in.Close(); err != nil {
				return err
			}
		}
		room = max(0, room-reserve)
		return nil
	})
	return room, err
}

// Image implements Boot.
func (b *Managed) Image() (data []byte, err error) {
	err = b.with(func(m *bootstate.Manager) error {
		entries, err := m.ESP.List()
		if err != nil {
			return err
		}
		for _, e := range entries {
			if e.RootHash == m.Running.RootHash && !e.Beside && e.Err == nil {
				data, err = read(m.ESP.FS, m.ESP.Dir+"/"+e.File)
				return err
			}
		}
		return bootstate.ErrNoEntry
	})
	return data, err
}

func read(fs esp.FS, path string) ([]byte, error) {
	in, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	return io.ReadAll(io.NewSectionReader(in, 0, min(in.Size(), maxUKI)))
}

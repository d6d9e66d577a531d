package config

import (
	"context"
	"crypto/rand"
	"errors"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// regenerate adds to a transaction what generators make for the settings that
// would be in force after it.
func (m *Manager) regenerate(tx string, next store.State) error {
	made, err := m.generator().generate(next)
	if err != nil {
		return err
	}
	return patch(m.Store, tx, made)
}

func (m *Manager) generator() generator {
	return generator{root: m.Root, schema: m.Schema, random: rand.Reader}
}

// patch adds what was made to a transaction.
func patch(st *store.Store, tx string, made Generated) error {
	for _, part := range []struct {
		values settings.Values
		weak   bool
	}{{made.Strong, false}, {made.Weak, true}} {
		if len(part.values) == 0 {
			continue
		}
		if err := st.Patch(tx, part.values, store.SourceGenerator, part.weak); err != nil {
			return err
		}
	}
	return nil
}

// Generate lets the generators look again for what they have no good value of
// (DHCP may have named the host since), and applies what they find. It tells
// whether they are done: every value is there to stay.
func (m *Manager) Generate(ctx context.Context) (done bool, err error) {
	if err := m.busy.enter(ctx); err != nil {
		return false, err
	}
	defer m.busy.leave()
	made, err := m.generator().generate(m.Store.Live())
	if err != nil {
		return false, err
	}
	if len(made.Strong)+len(made.Weak) > 0 {
		if err := patch(m.Store, transaction, made); err != nil {
			return false, err
		}
		c, err := m.Store.Commit(transaction)
		if err != nil {
			return false, errors.Join(err, m.Store.Drop(transaction))
		}
		if err := m.apply(ctx, changed(c.Deltas)); err != nil {
			return false, err
		}
	}
	live := m.Store.Live()
	return !open(live, hostnameKey) && !open(live, seedKey), nil
}

package config

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// taken is the file TakenPath.
type taken struct {
	Taken   time.Time `json:"taken"`
	Sources []string  `json:"sources"`
}

// takeUserData takes user data in, once in the life of a host: at the first
// boot, or at the first one at which all of it is right. Sources with mistakes
// do not count; the last good settings hold instead.
func (b *boot) takeUserData(ctx context.Context) {
	path := filepath.Join(b.Root, TakenPath)
	if b.store != nil && !b.report.Store.FirstBoot {
		if t, ok := readTaken(path); ok {
			b.report.UserData = UserData{Taken: true, Sources: t.Sources}
			return
		}
	}
	r := b.gather(ctx)
	b.metadata = r.Generated
	u := &b.report.UserData
	u.Sources, u.Warnings = r.Sources, r.Warnings
	for _, w := range r.Warnings {
		b.Log.Warn("user data", "warning", w)
	}
	if r.Err != nil {
		u.refuse(r.Err)
	}
	values := b.unlessSet(r.Values)
	if err := b.judge(b.with(values)); err != nil && b.judge(b.live()) == nil {
		u.refuse(err)
		b.Log.Error("user data is not used", "error", u.Error)
		return
	}
	stored := b.keep(values, store.SourceUserData, false)
	if u.Error != "" {
		b.Log.Error("user data is not used", "error", u.Error)
		return
	}
	u.Taken = true
	if stored && b.store != nil {
		if err := writeTaken(path, taken{Taken: b.Now().UTC(), Sources: r.Sources}); err != nil {
			b.Log.Warn("the next boot takes user data in again", "error", err)
		}
	}
}

// unlessSet leaves out what somebody has set by the API: user data that became
// right at a later boot must not undo it.
func (b *boot) unlessSet(v settings.Values) settings.Values {
	out := settings.Values{}
	live := store.State{}
	if b.store != nil {
		live = b.store.Live()
	}
	for key, value := range v {
		if live[key].Source != store.SourceAPI {
			out[key] = value
		}
	}
	return out
}

// readTaken tells whether user data was taken in at an earlier boot.
func readTaken(path string) (taken, bool) {
	var t taken
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, &t) != nil {
		return taken{}, false
	}
	return t, !t.Taken.IsZero()
}

func writeTaken(path string, t taken) error {
	data, err := json.Marshal(t)
	if err != nil {
		return fmt.Errorf("encoding what was taken in: %w", err)
	}
	if err := writeFile(path, append(data, '\n'), 0o600); err != nil {
		return fmt.Errorf("remembering that user data was taken in: %w", err)
	}
	return nil
}

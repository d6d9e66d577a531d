package update

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
)

// Of the state file.
const (
	stateFile   = "state.json"
	stateFormat = 1
	maxState    = 256 << 10 // bytes
	maxHeld     = 32        // versions
	maxText     = 4 << 10   // bytes of an error
)

// state is what outlives the updater.
type state struct {
	Format int `json:"format"`
	// RootHash is that of the version that ran: what was chosen for another one
	// is of no use.
	RootHash  string                   `json:"root_hash"`
	Available []string                 `json:"available,omitempty"`
	Chosen    *target                  `json:"chosen,omitempty"`
	Held      []api.UpdateHeld         `json:"held,omitempty"`
	Checked   *api.UpdateChecked       `json:"checked,omitempty"`
	Command   *api.UpdateCommandResult `json:"command,omitempty"`
	// Job is a prepare that is under way.
	Job *job `json:"job,omitempty"`
	// Declined is the root hash that somebody cancelled: no strategy takes it
	// by itself.
	Declined string `json:"declined,omitempty"`
	// LockedAt says at which FleetLock server, and for which group, the host
	// may hold a turn.
	LockedAt *lockedAt `json:"locked_at,omitempty"`
}

// target is a version that the repository offers.
type target struct {
	api.UpdateImage
	RootHash string `json:"root_hash"`
}

type job struct {
	target
	// Starts counts how often it was begun; one that never ends, because the
	// updater dies of it, is given up.
	Starts int `json:"starts"`
}

type lockedAt struct {
	URL   string `json:"url"`
	Group string `json:"group"`
}

// load reads the state. A file that makes no sense is as good as none: what it
// held can be asked for again. One that cannot be read is an error.
func (u *Updater) load() error {
	if err := u.makeDir(u.Dir); err != nil {
		return fmt.Errorf("opening the updater's state: %w", err)
	}
	b, err := u.FS.ReadFile(u.path(stateFile), maxState)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return fmt.Errorf("reading the updater's state: %w", err)
	default:
		if u.state, err = decodeState(b); err != nil {
			u.note = fmt.Sprintf("the updater's state was lost: %v", err)
			u.Log.Warn("update", "note", u.note)
		}
	}
	if u.state.RootHash != u.System.RootHash {
		u.state.RootHash = u.System.RootHash
		u.state.Available, u.state.Chosen, u.state.Held, u.state.Job = nil, nil, nil, nil
	}
	return nil
}

func decodeState(b []byte) (state, error) {
	var s state
	if err := json.Unmarshal(b, &s); err != nil {
		return state{}, err
	}
	if s.Format != stateFormat {
		return state{}, fmt.Errorf("its format is %d, want %d", s.Format, stateFormat)
	}
	return s, nil
}

// save replaces the state file: after a power cut the old one is there or the
// new one. u.mu is held.
func (u *Updater) save() error {
	u.state.Format = stateFormat
	b, err := json.Marshal(u.state)
	if err == nil {
		err = u.replace(u.path(stateFile), append(b, '\n'))
	}
	if err != nil {
		return fmt.Errorf("saving the updater's state: %w", err)
	}
	return nil
}

func (u *Updater) replace(path string, b []byte) error {
	out, err := u.FS.Create(path + ".new")
	if err != nil {
		return err
	}
	_, err = out.Write(b)
	if err == nil {
		err = out.Sync()
	}
	if err := errors.Join(err, out.Close()); err != nil {
		return err
	}
	if err := u.FS.Rename(path+".new", path); err != nil {
		return err
	}
	return u.FS.SyncDir(filepath.Dir(path))
}

// makeDir makes a folder and those above it, durably.
func (u *Updater) makeDir(dir string) error {
	if err := u.FS.Mkdir(dir); err == nil {
		return u.FS.SyncDir(filepath.Dir(dir))
	} else if !errors.Is(err, fs.ErrNotExist) || dir == filepath.Dir(dir) {
		return err
	}
	if err := u.makeDir(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := u.FS.Mkdir(dir); err != nil {
		return err
	}
	return u.FS.SyncDir(filepath.Dir(dir))
}

// change changes the state and saves it.
func (u *Updater) change(f func(*state)) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	f(&u.state)
	return u.save()
}

// oneLine joins the lines of an error, and shortens it to what the state takes.
func oneLine(err error) string {
	s := strings.ReplaceAll(err.Error(), "\n", "; ")
	if len(s) > maxText {
		s = strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return s
}

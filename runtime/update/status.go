package update

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
)

// fresh is how old what is known of the boot entries may be for a status.
const fresh = 5 * time.Second

// Status says how far an update is. What could not be found out is in Problem.
func (u *Updater) Status(ctx context.Context) api.UpdateStatus {
	c, settingsErr := u.Settings(ctx)
	b, bootErr := u.inspect(fresh)
	u.mu.Lock()
	defer u.mu.Unlock()
	s := u.state
	st := api.UpdateStatus{
		UpdateState: s.stateOf(b), AvailableUpdates: slices.Clone(s.Available), MostRecentCommand: s.Command,
		Checked: s.Checked, Held: slices.Clone(s.Held), Strategy: string(c.Strategy), Waiting: u.waiting, Boot: b.State,
		Problem: u.problem(c, b, settingsErr, bootErr),
	}
	if st.AvailableUpdates == nil {
		st.AvailableUpdates = []string{} // Bottlerocket's is never null
	}
	if s.Chosen != nil {
		chosen := s.Chosen.UpdateImage
		st.ChosenUpdate = &chosen
	}
	if r := u.running; r != nil {
		st.Running = &api.UpdateRunning{Type: r.command, Since: r.since, Progress: r.progress}
	}
	u.partitions(&st, b)
	failures(&st, b)
	return st
}

func (u *Updater) image(version string) api.UpdateImage {
	return api.UpdateImage{Arch: u.System.Arch, Version: version, Variant: u.System.Variant}
}

// partitions says what the slots hold, as far as it may boot.
func (u *Updater) partitions(st *api.UpdateStatus, b bootstate.Status) {
	st.ActivePartition = &api.UpdatePartition{Image: u.image(u.System.Version), NextToBoot: !leaving(b), Slot: u.System.Slot}
	if p := phase(b); p == intent.Staged || p == intent.Active || p == intent.Returning {
		st.StagingPartition = &api.UpdatePartition{Image: u.image(b.Intent.To.Version), NextToBoot: p != intent.Staged, Slot: b.Intent.To.Slot}
	}
	for _, e := range b.Entries {
		if !e.Running && (e.State == "committed" || e.State == "set-aside") {
			other := u.image(e.Version)
			st.Rollback = &other
		}
	}
}

func failures(st *api.UpdateStatus, b bootstate.Status) {
	rec := intent.Record{Failed: b.Failed}
	for _, f := range b.Failed {
		if rec.Refused(f.RootHash) != nil {
			st.Failed = append(st.Failed, api.UpdateFailure{Version: f.Version, RootHash: f.RootHash, Reason: f.Reason, Time: f.When})
		}
	}
	if i := b.Intent; i != nil && i.Phase == intent.Failed {
		st.Fallback = &api.UpdateFailure{Version: i.To.Version, RootHash: i.To.RootHash, Reason: i.Reason, Time: i.Ended}
	}
}

// problem is the first thing that is in the way. u.mu is held.
func (u *Updater) problem(c Config, b bootstate.Status, settingsErr, bootErr error) string {
	for _, err := range []error{settingsErr, u.possible(c), bootErr} {
		if err != nil {
			return oneLine(err)
		}
	}
	k := u.state.Checked
	switch {
	case b.State == "trial":
		return fmt.Sprintf("version %s is on trial until this boot has proved good", u.System.Version)
	case b.State == "unknown":
		return bootstate.ErrNoEntry.Error()
	case k != nil && k.Offline:
		return "offline: " + k.Error
	case k != nil && k.Error != "":
		return k.Error
	case b.Note != "":
		return b.Note
	}
	return u.note
}

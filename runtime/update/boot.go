package update

import (
	"time"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/bootstate"
	"github.com/slipway-os/slipway/runtime/bootstate/intent"
)

// bootKnown is what Boot.Inspect said, and when. To ask it, the EFI system
// partition is mounted and each of its images looked into.
type bootKnown struct {
	when   time.Time
	status bootstate.Status
	err    error
}

// inspect says what boots; an answer that is not older than age will do.
func (u *Updater) inspect(age time.Duration) (bootstate.Status, error) {
	u.mu.Lock()
	k := u.known
	u.mu.Unlock()
	if old := u.Now().Sub(k.when); !k.when.IsZero() && old >= 0 && old < age {
		return k.status, k.err
	}
	k = bootKnown{when: u.Now()}
	k.status, k.err = u.Boot.Inspect()
	u.mu.Lock()
	u.known = k
	u.mu.Unlock()
	return k.status, k.err
}

// stateOf is the state that slots and record are in.
func (s *state) stateOf(b bootstate.Status) api.UpdateState {
	switch {
	case leaving(b):
		return api.UpdateReady
	case phase(b) == intent.Staged:
		return api.UpdateStaged
	case s.Chosen != nil:
		return api.UpdateAvailable
	}
	return api.UpdateIdle
}

// phase is that of what is under way to another version, "" if nothing is.
func phase(b bootstate.Status) intent.Phase {
	if !b.Intent.UnderWay() || b.Intent.To == b.Running {
		return ""
	}
	return b.Intent.Phase
}

// leaving says whether the next boot is to be of another version.
func leaving(b bootstate.Status) bool {
	p := phase(b)
	return p == intent.Active || p == intent.Returning
}

func (s *state) good() time.Time {
	if s.Checked == nil {
		return time.Time{}
	}
	return s.Checked.Good
}

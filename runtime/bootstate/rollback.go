package bootstate

import (
	"fmt"

	"github.com/slipway-os/slipway/runtime/bootstate/intent"
)

// Rollback makes the other slot boot next, and from then on. It must hold a
// version that was good once. The version that is left is not taken again
// until it is forgotten. It needs no EFI variables: one entry is renamed.
func (m *Manager) Rollback() (intent.Version, error) {
	s, err := m.begin()
	if err != nil {
		return intent.Version{}, err
	}
	defer s.end()
	own, other := s.own(), s.other()
	switch i := s.rec.Intent; {
	case own == nil:
		return intent.Version{}, ErrNoEntry
	case other == nil:
		return intent.Version{}, ErrNoOther
	case i.UnderWay() && !s.meant() && i.Phase != intent.Returning:
		return intent.Version{}, fmt.Errorf("%w: version %s is %s; cancel that first", ErrPhase, i.To.Version, i.Phase)
	}
	to := intent.Version{Version: other.Release, RootHash: other.RootHash, Slot: otherSlot(m.Running.Slot)}
	const reason = "rolled back by command"
	s.rec.Fail(m.Running.Version, reason, false, m.Now())
	s.rec.Intent = &intent.Intent{
		To: to, From: m.Running.Version, Source: "the other slot", Entry: other.ID,
		Phase: intent.Returning, Began: m.Now().UTC(), Tries: Tries,
	}
	s.rec.Returns = 0
	if err := s.save(); err != nil {
		return to, err
	}
	return to, s.turnBack()
}

// turnBack makes the loader start the other entry rather than what runs. Both
// are proven, or what runs is on trial and given up.
func (s *session) turnBack() error {
	if err := s.setVars("", ""); err != nil {
		return err
	}
	if other := s.other(); other.Counted {
		if err := s.rename(other, plain(other)); err != nil {
			return err
		}
	}
	own, other := s.own(), s.other()
	if own.Bad() || !own.Counted && !comesFirst(own, other) {
		return nil
	}
	name := aside(own)
	if own.Counted { // never proven: what is set aside would count as such
		name.Done = max(own.Done, 1)
	}
	return s.rename(own, name)
}

func otherSlot(slot string) string {
	if slot == "A" {
		return "B"
	}
	return "A"
}

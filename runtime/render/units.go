package render

import "slices"

// An Action is what is done to a unit whose files changed.
type Action string

// The actions, the strongest first.
const (
	Restart    Action = "restart"     // starts it, too
	TryRestart Action = "try-restart" // only where it runs
	Reload     Action = "reload"      // only where it runs
)

// A UnitAction is a unit and what to do with it.
type UnitAction struct {
	Unit   string
	Action Action
}

// units lists what the header asks for.
func (t *Template) units() []UnitAction {
	var us []UnitAction
	for _, list := range []struct {
		action Action
		units  []string
	}{
		{Restart, t.Header.Restart},
		{TryRestart, t.Header.TryRestart},
		{Reload, t.Header.Reload},
	} {
		for _, u := range list.units {
			us = append(us, UnitAction{Unit: u, Action: list.action})
		}
	}
	return us
}

// Merge leaves one action for each unit, the strongest, in the order in which
// the units came first.
func Merge(lists ...[]UnitAction) []UnitAction {
	strength := map[Action]int{Reload: 1, TryRestart: 2, Restart: 3}
	at := map[string]int{}
	var out []UnitAction
	for _, u := range slices.Concat(lists...) {
		i, ok := at[u.Unit]
		if !ok {
			at[u.Unit] = len(out)
			out = append(out, u)
		} else if strength[u.Action] > strength[out[i].Action] {
			out[i].Action = u.Action
		}
	}
	return out
}

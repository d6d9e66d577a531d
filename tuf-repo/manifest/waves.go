package manifest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// step is a share of the hosts, in percent of all, and a delay.
type step struct {
	percent int
	after   time.Duration
}

const day = 24 * time.Hour

// plans are the plans that have names.
var plans = map[string][]step{
	"default":   {{1, 0}, {5, 6 * time.Hour}, {20, day}, {50, 2 * day}, {75, 3 * day}, {100, 4 * day}},
	"fast":      {{5, 0}, {25, 2 * time.Hour}, {50, 4 * time.Hour}, {100, 8 * time.Hour}},
	"emergency": {{100, 0}},
}

// PlanNames lists the plans that Plan knows.
func PlanNames() []string { return slices.Sorted(maps.Keys(plans)) }

// Plan returns the waves of a named plan that begins at start: "default" takes
// four days, "fast" eight hours, "emergency" lets all hosts update at once.
func Plan(name string, start time.Time) ([]Wave, error) {
	steps, ok := plans[name]
	if !ok {
		return nil, fmt.Errorf("no wave plan is called %q (there are %s)", name, strings.Join(PlanNames(), ", "))
	}
	start = start.UTC().Truncate(time.Second)
	waves := make([]Wave, len(steps))
	for n, s := range steps {
		waves[n] = Wave{LastSeed: Seeds*s.percent/100 - 1, Start: start.Add(s.after)}
	}
	return waves, nil
}

package settings

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// Check holds the rules over several settings of the base groups. It is asked
// with defaults filled in, and where every value is right by itself.
func (s *Settings) Check() error {
	var r rules
	r.network(s.Network.Interfaces)
	r.kernel(s.Kernel)
	r.updates(s.Updates)
	r.health(s.Health)
	r.containers(s)
	r.registries(s.ContainerRegistry)
	if Or(s.Metrics.SendMetrics, false) && s.Metrics.MetricsURL == "" {
		r.fail(Key{"metrics", "metrics-url"}, "is needed where metrics.send-metrics is true")
	}
	for _, name := range slices.Sorted(maps.Keys(s.PKI)) {
		if b := s.PKI[name]; Or(b.Trusted, false) && b.Data == "" {
			r.fail(Key{"pki", string(name), "data"}, "is needed where trusted is true")
		}
	}
	return errors.Join(r.errs...)
}

// rules gathers mistakes.
type rules struct{ errs []error }

func (r *rules) fail(k Key, format string, args ...any) {
	r.errs = append(r.errs, &Problem{Key: k.String(), Message: fmt.Sprintf(format, args...)})
}

func (r *rules) kernel(s Kernel) {
	spelled := map[string]SysctlKey{}
	for _, key := range slices.Sorted(maps.Keys(s.Sysctl)) {
		if first, twice := spelled[key.Path()]; twice {
			r.fail(Key{"kernel", "sysctl", string(key)}, "names the same parameter as %q", first)
		}
		spelled[key.Path()] = key
	}
	for _, name := range slices.Sorted(maps.Keys(s.Modules)) {
		if m := s.Modules[name]; Or(m.Autoload, false) && !Or(m.Allowed, true) {
			r.fail(Key{"kernel", "modules", string(name), "autoload"}, "is true while allowed is false")
		}
	}
}

func (r *rules) updates(s Updates) {
	switch {
	case s.MetadataBaseURL == "" && s.TargetsBaseURL != "":
		r.fail(Key{"updates", "metadata-base-url"}, "is needed together with updates.targets-base-url")
	case s.MetadataBaseURL != "" && s.TargetsBaseURL == "":
		r.fail(Key{"updates", "targets-base-url"}, "is needed together with updates.metadata-base-url")
	}
	if s.Strategy == StrategyWindow && s.Window == "" {
		r.fail(Key{"updates", "window"}, "is needed where updates.strategy is window")
	}
	if s.Strategy == StrategyFleetLock && s.FleetLock.URL == "" {
		r.fail(Key{"updates", "fleet-lock", "url"}, "is needed where updates.strategy is fleet-lock")
	}
}

// leastDeadline keeps a slip of the pen from restarting every boot.
const leastDeadline = time.Minute

func (r *rules) health(s Health) {
	if s.Deadline.Value(leastDeadline) < leastDeadline {
		r.fail(Key{"health", "deadline"}, "is below %v, in which no host can boot for sure", leastDeadline)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Checks)) {
		check, k := s.Checks[name], Key{"health", "checks", string(name)}
		if (check.URL == "") == (check.Source == "") {
			r.fail(k, "needs either url or source, and not both")
		}
		if check.Timeout.Value(0) > s.Deadline.Value(24*time.Hour) {
			r.fail(k.child("timeout"), "is longer than health.deadline")
		}
	}
}

func (r *rules) containers(s *Settings) {
	for _, name := range slices.Sorted(maps.Keys(s.HostContainers)) {
		if c := s.HostContainers[name]; Or(c.Enabled, false) && c.Source == "" {
			r.fail(Key{"host-containers", string(name), "source"}, "is needed where enabled is true")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.BootstrapContainers)) {
		if c := s.BootstrapContainers[name]; c.Mode != "" && c.Mode != ModeOff && c.Source == "" {
			r.fail(Key{"bootstrap-containers", string(name), "source"}, "is needed where mode is %s", c.Mode)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(s.BootstrapCommands)) {
		if c := s.BootstrapCommands[name]; c.Mode != "" && c.Mode != ModeOff && len(c.Commands) == 0 {
			r.fail(Key{"bootstrap-commands", string(name), "commands"}, "is needed where mode is %s", c.Mode)
		}
	}
}

func (r *rules) registries(s ContainerRegistry) {
	seen := map[string]bool{}
	for i, m := range s.Mirrors {
		if seen[string(m.Registry)] {
			r.failAt("mirrors", i, "is there twice: write its endpoints as one list")
		}
		seen[string(m.Registry)] = true
	}
	clear(seen)
	for i, c := range s.Credentials {
		if seen[string(c.Registry)] {
			r.failAt("credentials", i, "is there twice")
		}
		seen[string(c.Registry)] = true
		if c.ways() != 1 {
			r.failAt("credentials", i, "needs one of: username and password, auth, identitytoken")
		}
	}
}

func (r *rules) failAt(list string, i int, message string) {
	r.errs = append(r.errs, &Problem{
		Key: "container-registry." + list, At: fmt.Sprintf("[%d].registry", i), Message: message,
	})
}

// ways counts the ways of naming oneself that a credential has; half a way, as a
// name without a password, makes it none.
func (c Credential) ways() int {
	n := 0
	if c.Auth != "" {
		n++
	}
	if c.IdentityToken != "" {
		n++
	}
	switch {
	case c.Username != "" && c.Password != "":
		n++
	case c.Username != "" || c.Password != "":
		return 0
	}
	return n
}

// Package resolve finds the packages that a list of packages needs.
package resolve

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

// Universe holds what may be chosen: one version of each package.
type Universe struct {
	byName    map[string]debian.Binary
	providers map[string][]provider
}

// provider is a package that stands in for a virtual one; the version is ""
// when the Provides field gives none.
type provider struct{ name, version string }

// NewUniverse makes a universe of the packages by their names.
func NewUniverse(byName map[string]debian.Binary) *Universe {
	u := &Universe{byName: byName, providers: map[string][]provider{}}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		for _, virtual := range byName[name].Provides {
			u.providers[virtual.Name] = append(u.providers[virtual.Name], provider{name, virtual.Version})
		}
	}
	for _, list := range u.providers {
		slices.SortStableFunc(list, func(a, b provider) int {
			return cmp.Compare(u.rank(a.name), u.rank(b.name))
		})
	}
	return u
}

// rank orders providers of one virtual package by their priority.
func (u *Universe) rank(name string) int {
	order := []string{"required", "important", "standard", "optional"}
	if i := slices.Index(order, u.byName[name].Priority); i >= 0 {
		return i
	}
	return len(order)
}

// selection is the state of one resolution.
type selection struct {
	*Universe
	chosen map[string]debian.Binary
	queue  []string
}

// Closure returns the named packages and all that their Pre-Depends and
// Depends need, sorted by name. Of alternatives it takes one that is chosen
// already, else the first that exists; Recommends do not count. The result
// depends on the universe and the set of names alone.
func (u *Universe) Closure(names []string) ([]debian.Binary, error) {
	s := &selection{Universe: u, chosen: map[string]debian.Binary{}}
	var errs []error
	for _, name := range slices.Sorted(slices.Values(names)) {
		if _, ok := u.byName[name]; !ok {
			errs = append(errs, fmt.Errorf("there is no package %q", name))
			continue
		}
		s.choose(name)
	}
	for len(s.queue) > 0 {
		pkg := u.byName[s.queue[0]]
		s.queue = s.queue[1:]
		for _, need := range pkg.Depends {
			if err := s.satisfy(need); err != nil {
				errs = append(errs, fmt.Errorf("package %s %s: %w", pkg.Name, pkg.Version, err))
			}
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s.result()
}

// choose takes a package into the selection once.
func (s *selection) choose(name string) {
	if _, ok := s.chosen[name]; !ok {
		s.chosen[name] = s.byName[name]
		s.queue = append(s.queue, name)
	}
}

// satisfy makes one of the alternatives hold.
func (s *selection) satisfy(need debian.Alternatives) error {
	for _, r := range need {
		if slices.ContainsFunc(s.candidates(r), s.isChosen) {
			return nil
		}
	}
	for _, r := range need {
		if names := s.candidates(r); len(names) > 0 {
			s.choose(names[0])
			return nil
		}
	}
	return fmt.Errorf("nothing satisfies %q", need)
}

func (s *selection) isChosen(name string) bool {
	_, ok := s.chosen[name]
	return ok
}

// candidates names the packages that satisfy r, the best one first: the real
// package before its providers.
func (u *Universe) candidates(r debian.Relation) []string {
	var names []string
	if real, ok := u.byName[r.Name]; ok && r.Allows(real.Version) {
		names = append(names, r.Name)
	}
	for _, p := range u.providers[r.Name] {
		// Policy 7.5: an unversioned Provides satisfies no versioned relation.
		if r.Op == "" || p.version != "" && r.Allows(p.version) {
			names = append(names, p.name)
		}
	}
	return names
}

// result returns the chosen packages when no two of them exclude each other.
func (s *selection) result() ([]debian.Binary, error) {
	var errs []error
	var all []debian.Binary
	for _, name := range slices.Sorted(maps.Keys(s.chosen)) {
		pkg := s.chosen[name]
		all = append(all, pkg)
		for _, conflict := range pkg.Conflicts {
			for _, other := range s.candidates(conflict[0]) {
				if other != name && s.isChosen(other) {
					errs = append(errs, fmt.Errorf("package %s excludes %s (%q)", name, other, conflict))
				}
			}
		}
	}
	return all, errors.Join(errs...)
}

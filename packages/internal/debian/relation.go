package debian

import (
	"fmt"
	"strings"
)

// Relation is one package name with an optional version bound, as in
// "libc6 (>= 2.38)" (Debian Policy 7.1). Architecture qualifiers such as
// ":any" are dropped: a lock holds one architecture.
type Relation struct {
	Name string
	// Op is one of "<<", "<=", "=", ">=", ">>", or "" when any version will do.
	Op      string
	Version string
}

// Alternatives are relations of which one must hold, in order of preference.
type Alternatives []Relation

// String writes the relation as a control file does.
func (r Relation) String() string {
	if r.Op == "" {
		return r.Name
	}
	return fmt.Sprintf("%s (%s %s)", r.Name, r.Op, r.Version)
}

// String writes the alternatives as a control file does.
func (a Alternatives) String() string {
	parts := make([]string, len(a))
	for i, r := range a {
		parts[i] = r.String()
	}
	return strings.Join(parts, " | ")
}

// Allows tells whether version meets the bound of the relation.
func (r Relation) Allows(version string) bool {
	c := 0
	if r.Op != "" {
		c = CompareVersions(version, r.Version)
	}
	switch r.Op {
	case "<<":
		return c < 0
	case "<=":
		return c <= 0
	case "=":
		return c == 0
	case ">=":
		return c >= 0
	case ">>":
		return c > 0
	}
	return true
}

// ParseRelations reads the value of a field such as Depends or Provides.
func ParseRelations(value string) ([]Alternatives, error) {
	var all []Alternatives
	for _, clause := range strings.Split(value, ",") {
		if strings.TrimSpace(clause) == "" {
			continue
		}
		var one Alternatives
		for _, text := range strings.Split(clause, "|") {
			r, err := parseRelation(text)
			if err != nil {
				return nil, fmt.Errorf("parsing relation %q: %w", shorten(clause), err)
			}
			one = append(one, r)
		}
		all = append(all, one)
	}
	return all, nil
}

// parseRelation reads "name[:arch] [(op version)]".
func parseRelation(text string) (Relation, error) {
	text = strings.TrimSpace(text)
	head, bound, bounded := strings.Cut(text, "(")
	name, _, _ := strings.Cut(strings.TrimSpace(head), ":")
	if name == "" || strings.ContainsAny(name, " \t\n)[]<>") {
		return Relation{}, fmt.Errorf("%q is not a package name", shorten(head))
	}
	if !bounded {
		return Relation{Name: name}, nil
	}
	bound, tail, closed := strings.Cut(bound, ")")
	if !closed || strings.TrimSpace(tail) != "" {
		return Relation{}, fmt.Errorf("version bound %q does not end in a parenthesis", shorten(bound+tail))
	}
	op, version := splitBound(strings.TrimSpace(bound))
	if op == "" || version == "" {
		return Relation{}, fmt.Errorf("%q is not a version bound", shorten(bound))
	}
	return Relation{Name: name, Op: op, Version: version}, nil
}

// splitBound cuts "(>= 1.2" style bounds into operator and version; the
// operator is "" when it is none of the five.
func splitBound(bound string) (op, version string) {
	for _, op := range []string{"<<", "<=", ">=", ">>", "="} {
		if rest, ok := strings.CutPrefix(bound, op); ok {
			return op, strings.TrimSpace(rest)
		}
	}
	return "", ""
}

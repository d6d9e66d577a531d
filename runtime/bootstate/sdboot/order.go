package sdboot

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// An Entry is what the loader knows of a unified kernel image: its name, and
// what the os-release file in it says.
type Entry struct {
	Name
	// SortKey is IMAGE_ID or ID, Version IMAGE_VERSION, VERSION, VERSION_ID or
	// BUILD_ID, the first of them that is there.
	SortKey, Version string
}

// Describe fills in an entry from the variables of its os-release file. It is
// false where the loader passes the file over.
func Describe(n Name, release map[string]string) (Entry, bool) {
	first := func(keys ...string) string {
		for _, k := range keys {
			if v := release[k]; v != "" {
				return v
			}
		}
		return ""
	}
	e := Entry{
		Name: n, SortKey: first("IMAGE_ID", "ID"),
		Version: first("IMAGE_VERSION", "VERSION", "VERSION_ID", "BUILD_ID"),
	}
	return e, first("PRETTY_NAME", "IMAGE_ID", "NAME", "ID") != ""
}

// Compare orders entries as the loader lists them, the one that it prefers
// first: exhausted ones last, then by sort key, then newer versions before
// older ones, then by ID from the end of the alphabet.
func Compare(a, b Entry) int {
	return cmp.Or(
		compareBool(a.Bad(), b.Bad()),
		compareBool(a.SortKey == "", b.SortKey == ""),
		cmp.Compare(a.SortKey, b.SortKey),
		compareVersions(a, b),
		-CompareVersions(a.ID, b.ID),
		compareCounters(a.Name, b.Name),
	)
}

func compareVersions(a, b Entry) int {
	if a.SortKey == "" {
		return 0
	}
	return -CompareVersions(a.Version, b.Version)
}

func compareCounters(a, b Name) int {
	if !a.Counted || !b.Counted {
		return 0
	}
	return cmp.Or(-cmp.Compare(a.Left, b.Left), cmp.Compare(a.Done, b.Done))
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// Variables are the EFI variables by which an entry is chosen; patterns as in
// path.Match, of the ID.
type Variables struct{ OneShot, Default string }

// Select is the index of the entry that the loader starts, -1 if there is none.
// Entries is put in the loader's order.
//
// A variable counts more than the order, and the loader does not look whether
// what it names is exhausted: that is why LoaderEntryDefault never names an
// entry on trial.
func Select(entries []Entry, v Variables) int {
	slices.SortStableFunc(entries, Compare)
	for _, pattern := range []string{v.OneShot, v.Default} {
		pattern = strings.ToLower(pattern)
		for i, e := range entries {
			if ok, err := path.Match(pattern, e.ID); pattern != "" && err == nil && ok {
				return i
			}
		}
	}
	if len(entries) == 0 {
		return -1
	}
	return 0
}

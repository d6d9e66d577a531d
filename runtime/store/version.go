package store

import (
	"cmp"
	"fmt"
	"strings"
)

// checkVersion refuses what is no version, or no name of a file.
func checkVersion(v string) error {
	ok := v != "" && len(v) <= 64 && v[0] != '.'
	for _, c := range []byte(v) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(".-+_~", c) >= 0:
		default:
			ok = false
		}
	}
	if !ok {
		return fmt.Errorf("%q is not a version", v)
	}
	return nil
}

// compareVersions orders versions as Semantic Versioning 2.0.0, section 11,
// does, with any number of parts: 1.2.0-rc.1, 1.2.0, 1.2.0.1, 1.10.0. What
// follows a plus sign does not count.
func compareVersions(a, b string) int {
	a, _, _ = strings.Cut(a, "+")
	b, _, _ = strings.Cut(b, "+")
	a, preA, isPreA := strings.Cut(a, "-")
	b, preB, isPreB := strings.Cut(b, "-")
	if c := compareDotted(a, b); c != 0 {
		return c
	}
	switch {
	case isPreA && isPreB:
		return compareDotted(preA, preB)
	case isPreA:
		return -1
	case isPreB:
		return 1
	}
	return 0
}

func compareDotted(a, b string) int {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i := range min(len(as), len(bs)) {
		if c := comparePart(as[i], bs[i]); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(as), len(bs))
}

// comparePart puts numbers before words.
func comparePart(a, b string) int {
	numA, numB := isNumber(a), isNumber(b)
	switch {
	case numA && numB:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	case numA:
		return -1
	case numB:
		return 1
	}
	return cmp.Compare(a, b)
}

func isNumber(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

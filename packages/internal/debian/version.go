package debian

import "strings"

// CompareVersions orders two version numbers as Debian Policy 5.6.12 says:
// negative when a is older than b, zero when they are equal, positive else.
func CompareVersions(a, b string) int {
	epochA, upstreamA, revisionA := splitVersion(a)
	epochB, upstreamB, revisionB := splitVersion(b)
	if c := compareDigits(epochA, epochB); c != 0 {
		return c
	}
	if c := comparePart(upstreamA, upstreamB); c != 0 {
		return c
	}
	return comparePart(revisionA, revisionB)
}

// UpstreamVersion returns the version that upstream gave the release: without
// the epoch, the Debian revision, and the marks that repackaging leaves
// ("+dfsg", "+ds", "+really", "+deb13u1").
func UpstreamVersion(version string) string {
	_, upstream, _ := splitVersion(version)
	if _, really, ok := strings.Cut(upstream, "+really"); ok {
		upstream = really
	}
	for _, mark := range []string{"dfsg", "ds", "repack", "deb", "really"} {
		for _, sep := range []string{"+", ".", "~"} {
			if i := strings.Index(upstream, sep+mark); i > 0 {
				upstream = upstream[:i]
			}
		}
	}
	return upstream
}

// splitVersion cuts [epoch:]upstream[-revision] into its parts.
func splitVersion(version string) (epoch, upstream, revision string) {
	upstream = version
	if before, after, ok := strings.Cut(upstream, ":"); ok {
		epoch, upstream = before, after
	}
	if i := strings.LastIndexByte(upstream, '-'); i >= 0 {
		upstream, revision = upstream[:i], upstream[i+1:]
	}
	return epoch, upstream, revision
}

// comparePart compares an upstream version or a revision: runs of non-digits
// by character order and runs of digits by value, in turn.
func comparePart(a, b string) int {
	for a != "" || b != "" {
		var textA, textB, numA, numB string
		textA, a = splitRun(a, false)
		textB, b = splitRun(b, false)
		if c := compareText(textA, textB); c != 0 {
			return c
		}
		numA, a = splitRun(a, true)
		numB, b = splitRun(b, true)
		if c := compareDigits(numA, numB); c != 0 {
			return c
		}
	}
	return 0
}

// splitRun cuts the longest prefix of s that is all digits, or has none.
func splitRun(s string, digits bool) (run, rest string) {
	i := 0
	for i < len(s) && isDigit(s[i]) == digits {
		i++
	}
	return s[:i], s[i:]
}

// compareText compares non-digit runs: "~" sorts before the end, letters
// before everything else.
func compareText(a, b string) int {
	for i := 0; i < len(a) || i < len(b); i++ {
		if c := charOrder(a, i) - charOrder(b, i); c != 0 {
			return c
		}
	}
	return 0
}

// charOrder is the weight of s[i]; the end of s weighs zero.
func charOrder(s string, i int) int {
	if i >= len(s) {
		return 0
	}
	switch c := s[i]; {
	case c == '~':
		return -1
	case c >= 'A' && c <= 'Z', c >= 'a' && c <= 'z':
		return int(c)
	default:
		return int(c) + 256
	}
}

// compareDigits compares two runs of digits of any length; an empty run is 0.
func compareDigits(a, b string) int {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return strings.Compare(a, b)
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

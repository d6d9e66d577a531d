package sdboot

import (
	"cmp"
	"strings"
)

// separators begin a segment, in the order in which the loader looks for them;
// a segment that one begins is older than one that none of them does.
const separators = "-^."

// CompareVersions orders versions, the older first, as strverscmp_improved.
func CompareVersions(a, b string) int {
	for {
		a, b = strings.TrimLeftFunc(a, foreign), strings.TrimLeftFunc(b, foreign)
		// A tilde makes it older even than the end.
		var r int
		if a, b, r = separated(a, b, '~'); r != 0 {
			return r
		}
		if a == "" || b == "" {
			return cmp.Compare(len(a), len(b))
		}
		for _, sep := range []byte(separators) {
			if a, b, r = separated(a, b, sep); r != 0 {
				return r
			}
		}
		if a, b, r = segment(a, b); r != 0 {
			return r
		}
	}
}

// foreign is what separates segments without a meaning of its own.
func foreign(c rune) bool {
	return !(c >= '0' && c <= '9' || isAlpha(c) || strings.ContainsRune("~"+separators, c))
}

func isDigit(c rune) bool { return c >= '0' && c <= '9' }

func isAlpha(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// separated takes a separator off both; the one that alone has it is older.
func separated(a, b string, sep byte) (string, string, int) {
	inA, inB := strings.HasPrefix(a, string(sep)), strings.HasPrefix(b, string(sep))
	switch {
	case inA && inB:
		return a[1:], b[1:], 0
	case inA:
		return a, b, -1
	case inB:
		return a, b, 1
	}
	return a, b, 0
}

// segment compares the leading numbers, if there is one, else the leading
// letters, and takes them off.
func segment(a, b string) (restA, restB string, r int) {
	if hasDigit(a) || hasDigit(b) {
		x, restA := span(a, isDigit)
		y, restB := span(b, isDigit)
		if (x == "") != (y == "") { // a number is newer than none
			return restA, restB, cmp.Compare(len(x), len(y))
		}
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		return restA, restB, cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y))
	}
	x, restA := span(a, isAlpha)
	y, restB := span(b, isAlpha)
	return restA, restB, cmp.Compare(x, y)
}

func hasDigit(s string) bool { return s != "" && isDigit(rune(s[0])) }

func span(s string, of func(rune) bool) (head, rest string) {
	rest = strings.TrimLeftFunc(s, of)
	return s[:len(s)-len(rest)], rest
}

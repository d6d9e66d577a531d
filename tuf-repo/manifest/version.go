package manifest

import (
	"strings"

	"golang.org/x/mod/semver"
)

// ValidVersion reports whether a version is one: Semantic Versioning 2.0.0,
// three numbers and perhaps a pre-release, without build metadata.
func ValidVersion(v string) bool {
	return len(v) <= 64 && !strings.HasPrefix(v, "v") && semver.IsValid("v"+v) && semver.Canonical("v"+v) == "v"+v
}

// CompareVersions returns -1, 0 or 1 as a is older than, the same as or newer
// than b. A string that is no version is older than every version.
func CompareVersions(a, b string) int { return semver.Compare("v"+a, "v"+b) }

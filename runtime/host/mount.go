package host

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// A mount is one line of /proc/self/mountinfo, see proc_pid_mountinfo(5).
type mount struct {
	Device  string // MAJOR:MINOR
	Point   string
	FSType  string
	Options []string // of the file system (superblock), not of the mount
}

// superReadOnly tells whether the file system itself is read-only. The mount's
// own flag would say so inside a service with ProtectSystem= in any case.
func (m mount) superReadOnly() bool { return slices.Contains(m.Options, "ro") }

// mount finds what is mounted on point; of several stacked mounts the last.
func (h Host) mount(point string) (mount, error) {
	b, err := os.ReadFile(h.path("/proc/self/mountinfo"))
	if err != nil {
		return mount{}, fmt.Errorf("reading the mounts: %w", err)
	}
	mounts := parseMountinfo(string(b))
	for _, m := range slices.Backward(mounts) {
		if m.Point == point {
			return m, nil
		}
	}
	return mount{}, fmt.Errorf("nothing is mounted on %s", point)
}

// parseMountinfo reads all lines that have the documented form.
func parseMountinfo(text string) []mount {
	var mounts []mount
	for line := range strings.Lines(text) {
		before, after, ok := strings.Cut(line, " - ")
		left, right := strings.Fields(before), strings.Fields(after)
		if !ok || len(left) < 6 || len(right) < 2 {
			continue
		}
		m := mount{Device: left[2], Point: unescape(left[4]), FSType: right[0]}
		if len(right) > 2 {
			m.Options = strings.Split(right[2], ",")
		}
		mounts = append(mounts, m)
	}
	return mounts
}

// unescape undoes the octal escapes of mountinfo: \040 for a space and so on.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Package sdboot says what systemd-boot 257 makes of the files in EFI/Linux:
// how it counts boots, in which order it lists entries, and which it starts.
//
// The rules are those of systemd 257.13, src/boot/boot.c
// (boot_entry_parse_tries, boot_entry_bump_counters, boot_entry_compare,
// config_select_default_entry) and src/fundamental/string-util-fundamental.c
// (strverscmp_improved); docs/design/0005-slots-and-trials.md quotes what
// matters here. The loader is built and pinned in packages/systemd: whoever
// moves it reads those functions again.
package sdboot

import (
	"math"
	"strconv"
	"strings"
)

// suffix ends the names of unified kernel images.
const suffix = ".efi"

// A Name is the name of a file in EFI/Linux, taken apart.
type Name struct {
	// ID is the name without its counter; by it variables choose an entry.
	ID string
	// Counted says whether there is a counter, "+LEFT-DONE" before ".efi".
	Counted bool
	// Left is how many boots the loader still tries, Done how many it did.
	Left, Done int
}

// Parse takes a file name apart. It is false for a file that the loader does
// not list.
func Parse(file string) (Name, bool) {
	lower := strings.ToLower(file)
	if !strings.HasSuffix(lower, suffix) || strings.HasPrefix(file, ".") || strings.HasPrefix(lower, "auto-") {
		return Name{}, false
	}
	stem := file[:len(file)-len(suffix)]
	if at := strings.LastIndexByte(stem, '+'); at >= 0 {
		left, done, both := strings.Cut(stem[at+1:], "-")
		l, ok := parseCount(left)
		d := 0
		if both && ok {
			d, ok = parseCount(done)
		}
		if ok {
			return Name{ID: stem[:at] + suffix, Counted: true, Left: l, Done: d}, true
		}
	}
	return Name{ID: lower}, true
}

// parseCount reads a counter of digits alone, up to what the loader's int holds.
func parseCount(s string) (int, bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseUint(s, 10, 64)
	return int(n), err == nil && n <= math.MaxInt32
}

// File is the file name. Counters up to 9 all give names of the same length,
// so that the loader's renaming never needs more room in the folder.
func (n Name) File() string {
	if !n.Counted {
		return n.ID
	}
	return strings.TrimSuffix(n.ID, suffix) + "+" + strconv.Itoa(n.Left) + "-" + strconv.Itoa(n.Done) + suffix
}

// Bad says whether the loader lists the entry behind all that are not, and so
// starts it only where there is no other, or where a variable names it.
func (n Name) Bad() bool { return n.Counted && n.Left == 0 }

// Next is the name that the loader gives the file before it starts it.
func (n Name) Next() Name {
	if n.Counted {
		n.Left, n.Done = max(n.Left-1, 0), min(n.Done+1, math.MaxInt32)
	}
	return n
}

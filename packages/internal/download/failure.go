package download

import (
	"errors"
	"fmt"
	"strings"

	"github.com/slipway-os/slipway/packages/internal/mirror"
)

// Attempt is what came of one address.
type Attempt struct {
	URL   string
	Tries int
	Err   error
}

// Failure says that no place had the bytes of a pinned file.
type Failure struct {
	File     File
	Attempts []Attempt
}

// mismatchError says what an address gave instead of the file.
type mismatchError struct {
	size int64
	sum  string
}

func (e *mismatchError) Error() string {
	return fmt.Sprintf("found sha256 %s, %d bytes", e.sum, e.size)
}

// Error tells the file, what was expected, each place with its result, and
// what to do about it.
func (f *Failure) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "fetching %s failed\n", f.File.name())
	fmt.Fprintf(&b, "  expected sha256 %s, %d bytes\n  looked in\n", f.File.SHA256, f.File.Size)
	for _, a := range f.Attempts {
		fmt.Fprintf(&b, "    %s: %v", a.URL, a.Err)
		if a.Tries > 1 {
			fmt.Fprintf(&b, " (tried %d times)", a.Tries)
		}
		b.WriteByte('\n')
	}
	if len(f.Attempts) == 0 {
		fmt.Fprintf(&b, "    nowhere: %v\n", mirror.ErrNone)
	}
	fmt.Fprintf(&b, "  run %s to take the version that the archive has now,\n", f.remedy())
	fmt.Fprintf(&b, "  or set %s to a mirror or snapshot that still has this one", mirror.Variable)
	return b.String()
}

// Unwrap gives the errors of the single places.
func (f *Failure) Unwrap() error {
	errs := make([]error, len(f.Attempts))
	for i, a := range f.Attempts {
		errs[i] = a.Err
	}
	return errors.Join(errs...)
}

// remedy is the command that renews the pin.
func (f *Failure) remedy() string {
	if f.File.Pin == "" {
		return "`./bazelw run //packages:lock`"
	}
	return "`./bazelw run //packages:pin -- " + f.File.Pin + "`"
}

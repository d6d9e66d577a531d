// Package lockfile reads and writes packages/sdk/sdk.lock.json, the exact set
// of binary packages that the SDK is made of. It needs nothing outside the
// standard library.
package lockfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
)

// Lock is the content of the file.
type Lock struct {
	Architecture string    `json:"architecture"`
	Suites       []Suite   `json:"suites"`
	Packages     []Package `json:"packages"`
}

// Suite says which state of a suite the lock was taken from. A snapshot
// service has that state under its date.
type Suite struct {
	Name string    `json:"name"`
	Date time.Time `json:"date"`
}

// Package is one binary package.
type Package struct {
	Name         string `json:"name"`
	Version      string `json:"version"`
	Architecture string `json:"architecture"`
	Path         string `json:"path"` // below an archive's root
	Size         int64  `json:"size"` // bytes
	SHA256       string `json:"sha256"`
}

// FileName is the name of the package's file in a folder of packages.
func (p Package) FileName() string { return path.Base(p.Path) }

// Parse reads a lock.
func Parse(r io.Reader) (Lock, error) {
	var lock Lock
	in := json.NewDecoder(r)
	in.DisallowUnknownFields()
	if err := in.Decode(&lock); err != nil {
		return lock, fmt.Errorf("parsing lock: %w", err)
	}
	if len(lock.Packages) == 0 {
		return lock, fmt.Errorf("parsing lock: it names no package")
	}
	return lock, nil
}

// Format returns the lock's text: sorted by name, one package to a line, so
// that a change of one package is a change of one line.
func (l Lock) Format() ([]byte, error) {
	packages := slices.SortedFunc(slices.Values(l.Packages), func(a, b Package) int {
		return strings.Compare(a.Name, b.Name)
	})
	var out bytes.Buffer
	fmt.Fprintf(&out, "{\n  \"architecture\": %q,\n", l.Architecture)
	if err := writeLines(&out, "suites", l.Suites); err != nil {
		return nil, err
	}
	out.WriteString(",\n")
	if err := writeLines(&out, "packages", packages); err != nil {
		return nil, err
	}
	out.WriteString("\n}\n")
	return out.Bytes(), nil
}

// writeLines writes a JSON member whose value is an array, one item a line.
func writeLines[T any](out *bytes.Buffer, name string, items []T) error {
	fmt.Fprintf(out, "  %q: [", name)
	sep := "\n    "
	for _, item := range items {
		text, err := json.Marshal(item)
		if err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
		out.WriteString(sep)
		out.Write(text)
		sep = ",\n    "
	}
	out.WriteString("\n  ]")
	return nil
}

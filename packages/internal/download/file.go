// Package download fetches files that are pinned by size and SHA-256 into a
// cache that is addressed by content, from whichever place still has them.
// It needs nothing outside the standard library.
package download

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
)

// File is one pinned file.
type File struct {
	// Path is the file's place below an archive's root; "" when only URLs
	// have it.
	Path string `json:"path,omitempty"`
	// Size is in bytes.
	Size int64 `json:"size"`
	// SHA256 is 64 lower-case hex digits.
	SHA256 string `json:"sha256"`
	// Output is the file name to give it; by default the last part of Path.
	Output string `json:"output,omitempty"`
	// URLs are further addresses of the same bytes, tried after the mirrors.
	URLs []string `json:"urls,omitempty"`
	// Pin is the key in packages/sources.bzl that the file belongs to; "" for
	// a file of the SDK's lock.
	Pin string `json:"pin,omitempty"`
}

// ReadList reads a list of files: {"files": [File, …]}, or the SDK's lock,
// whose "packages" have the same fields.
func ReadList(r io.Reader) ([]File, error) {
	var list struct {
		Files    []File `json:"files"`
		Packages []File `json:"packages"`
	}
	if err := json.NewDecoder(r).Decode(&list); err != nil {
		return nil, fmt.Errorf("parsing list: %w", err)
	}
	files := append(list.Files, list.Packages...)
	owner := map[string]string{}
	for i := range files {
		f := &files[i]
		if f.Output == "" {
			f.Output = path.Base(f.Path)
		}
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("entry %d (%s): %w", i, f.name(), err)
		}
		if sum, taken := owner[f.Output]; taken && sum != f.SHA256 {
			return nil, fmt.Errorf("entry %d: two files want the name %q", i, f.Output)
		}
		owner[f.Output] = f.SHA256
	}
	return files, nil
}

// name is what messages call the file.
func (f File) name() string {
	switch {
	case f.Path != "":
		return f.Path
	case len(f.URLs) > 0:
		return f.URLs[0]
	}
	return f.Output
}

func (f File) check() error {
	switch {
	case len(f.SHA256) != 64 || strings.Trim(f.SHA256, "0123456789abcdef") != "":
		return fmt.Errorf("%q is not a SHA-256 sum", f.SHA256)
	case f.Size < 0:
		return fmt.Errorf("%d is not a size", f.Size)
	case f.Path == "" && len(f.URLs) == 0:
		return errors.New("neither a path nor an address is given")
	case f.Output == "" || f.Output == "." || f.Output == ".." || strings.Contains(f.Output, "/"):
		return fmt.Errorf("%q is not a file name", f.Output)
	}
	return nil
}

package debian

import (
	"errors"
	"fmt"
	"io"
	"path"
	"strconv"
	"strings"
	"time"
)

// File is one file of an archive, named by its path below the archive's root.
type File struct {
	Path   string
	Size   int64
	SHA256 string // 64 lower-case hex digits
}

// Binary is one entry of a Packages index.
type Binary struct {
	Name, Version, Architecture, Priority string
	Depends                               []Alternatives // Pre-Depends first
	Provides                              []Relation
	Conflicts                             []Alternatives // Conflicts and Breaks
	File                                  File
}

// Source is one entry of a Sources index.
type Source struct {
	Name, Version string
	Files         []File
}

// Release is the part of a Release file that indexes are found by.
type Release struct {
	Codename   string
	Date       time.Time
	ValidUntil time.Time // zero when the archive sets no end
	Files      map[string]File
}

// ParseRelease reads a Release file whose signature has been checked.
func ParseRelease(r io.Reader) (Release, error) {
	p, err := NewReader(r).Next()
	if err != nil {
		return Release{}, fmt.Errorf("reading Release: %w", err)
	}
	rel := Release{Codename: p.Get("Codename"), Files: map[string]File{}}
	if rel.Date, err = parseDate(p.Get("Date")); err != nil {
		return Release{}, fmt.Errorf("reading Date: %w", err)
	}
	if until := p.Get("Valid-Until"); until != "" {
		if rel.ValidUntil, err = parseDate(until); err != nil {
			return Release{}, fmt.Errorf("reading Valid-Until: %w", err)
		}
	}
	files, err := parseFiles(p.Get("SHA256"), "")
	if err != nil {
		return Release{}, fmt.Errorf("reading SHA256: %w", err)
	}
	for _, f := range files {
		rel.Files[f.Path] = f
	}
	return rel, nil
}

// parseDate reads the two spellings of RFC 5322 dates that archives use.
func parseDate(text string) (time.Time, error) {
	t, err := time.Parse(time.RFC1123, text)
	if err != nil {
		return time.Parse(time.RFC1123Z, text)
	}
	return t.UTC(), nil
}

// ParsePackages reads a Packages index.
func ParsePackages(r io.Reader) ([]Binary, error) {
	return parseIndex(r, parseBinary)
}

// ParseSources reads a Sources index. Entries that the archive keeps only for
// the sake of Built-Using (Extra-Source-Only) are left out.
func ParseSources(r io.Reader) ([]Source, error) {
	all, err := parseIndex(r, parseSource)
	kept := all[:0]
	for _, s := range all {
		if s.Name != "" {
			kept = append(kept, s)
		}
	}
	return kept, err
}

// parseIndex turns each paragraph of r into a T.
func parseIndex[T any](r io.Reader, parse func(Paragraph) (T, error)) ([]T, error) {
	var all []T
	in := NewReader(r)
	for {
		p, err := in.Next()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		one, err := parse(p)
		if err != nil {
			return nil, fmt.Errorf("entry %q %q: %w", p.Get("Package"), p.Get("Version"), err)
		}
		all = append(all, one)
	}
}

func parseBinary(p Paragraph) (Binary, error) {
	b := Binary{
		Name:         p.Get("Package"),
		Version:      p.Get("Version"),
		Architecture: p.Get("Architecture"),
		Priority:     p.Get("Priority"),
	}
	var err error
	if b.File, err = newFile(p.Get("Filename"), p.Get("Size"), p.Get("SHA256")); err != nil {
		return b, err
	}
	if b.Depends, err = joinRelations(p, "Pre-Depends", "Depends"); err != nil {
		return b, err
	}
	if b.Conflicts, err = joinRelations(p, "Conflicts", "Breaks"); err != nil {
		return b, err
	}
	provides, err := joinRelations(p, "Provides")
	for _, one := range provides {
		b.Provides = append(b.Provides, one...)
	}
	return b, err
}

// joinRelations parses several relation fields into one list.
func joinRelations(p Paragraph, fields ...string) ([]Alternatives, error) {
	var all []Alternatives
	for _, field := range fields {
		some, err := ParseRelations(p.Get(field))
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", field, err)
		}
		all = append(all, some...)
	}
	return all, nil
}

func parseSource(p Paragraph) (Source, error) {
	if p.Get("Extra-Source-Only") == "yes" {
		return Source{}, nil
	}
	files, err := parseFiles(p.Get("Checksums-Sha256"), p.Get("Directory"))
	if err != nil {
		return Source{}, err
	}
	return Source{Name: p.Get("Package"), Version: p.Get("Version"), Files: files}, nil
}

// parseFiles reads lines of "SHA256 SIZE PATH", each path below dir.
func parseFiles(value, dir string) ([]File, error) {
	var files []File
	for _, line := range strings.Split(value, "\n") {
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(words) != 3 {
			return nil, fmt.Errorf("%q is not a checksum, a size and a path", shorten(line))
		}
		f, err := newFile(path.Join(dir, words[2]), words[1], words[0])
		if err != nil {
			return nil, err
		}
		files = append(files, f)
	}
	return files, nil
}

// newFile checks the three facts of a file.
func newFile(name, size, sum string) (File, error) {
	n, err := strconv.ParseInt(size, 10, 64)
	if err != nil || n < 0 {
		return File{}, fmt.Errorf("%q is not a size", shorten(size))
	}
	if !IsSHA256(sum) {
		return File{}, fmt.Errorf("%q is not a SHA-256 sum", shorten(sum))
	}
	if name == "" || path.IsAbs(name) || path.Clean(name) != name || strings.HasPrefix(name, "../") {
		return File{}, fmt.Errorf("%q is not a path below the archive's root", shorten(name))
	}
	return File{Path: name, Size: n, SHA256: sum}, nil
}

// IsSHA256 tells whether s is 64 lower-case hex digits.
func IsSHA256(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

package main

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// compared are the endings of the outputs that must be the same: layers, the
// SDK, the image and its parts. Logs hold times and are not among them.
var compared = []string{".tar", ".tar.zst", ".img", ".erofs", ".verity", ".efi", ".stub", "/vmlinuz", "/image.json"}

// sums returns the SHA-256 of each compared file below bin, by its path there.
func sums(bin string) (map[string]string, error) {
	real, err := filepath.EvalSymlinks(bin)
	if err != nil {
		return nil, err
	}
	found := map[string]string{}
	err = filepath.WalkDir(real, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasSuffix(file, ".runfiles") || d.Name() == "external") {
			return filepath.SkipDir
		}
		if !d.Type().IsRegular() || !slices.ContainsFunc(compared, func(end string) bool { return strings.HasSuffix(file, end) }) {
			return nil
		}
		sum, err := sum(file)
		found[strings.TrimPrefix(file, real+"/")] = sum
		return err
	})
	if err == nil && len(found) == 0 {
		err = fmt.Errorf("%s holds no layer and no image; build first", bin)
	}
	return found, err
}

func sum(file string) (string, error) {
	f, err := os.Open(file)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", fmt.Errorf("reading %s: %w", file, err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// compare prints a line for each file and reports whether all are the same.
// A file that only one build has is a difference.
func compare(out io.Writer, a, b map[string]string) bool {
	names := map[string]bool{}
	for _, m := range []map[string]string{a, b} {
		for name := range m {
			names[name] = true
		}
	}
	different := 0
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if a[name] == b[name] {
			fmt.Fprintf(out, "same       %s  %s\n", a[name], name)
			continue
		}
		different++
		fmt.Fprintf(out, "DIFFERENT  %s  %s\n           %s\n", orNone(a[name]), name, orNone(b[name]))
	}
	fmt.Fprintf(out, "%d files, %d different\n", len(names), different)
	return different == 0
}

func orNone(sum string) string {
	if sum == "" {
		return strings.Repeat("-", 64)
	}
	return sum
}

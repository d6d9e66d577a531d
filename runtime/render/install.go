package render

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// install brings the files below root to what was produced, and removes those
// that this template made before and makes no more.
func (m production) install(root string) (written, removed []string, err error) {
	var errs []error
	keep := map[string]bool{}
	for _, f := range m.files {
		keep[f.path] = true
		changed, err := replace(filepath.Join(root, f.path), f.data, m.template.mode)
		if err != nil {
			errs = append(errs, fmt.Errorf("writing %s: %w", f.path, err))
		}
		if changed {
			written = append(written, f.path)
		}
	}
	old, err := filepath.Glob(globQuote(strings.TrimSuffix(root, "/")) + m.template.glob)
	if err != nil {
		errs = append(errs, fmt.Errorf("looking for old files: %w", err))
	}
	slices.Sort(old)
	for _, p := range old {
		name := "/" + strings.TrimPrefix(strings.TrimPrefix(p, strings.TrimSuffix(root, "/")), "/")
		if keep[name] {
			continue
		}
		if err := os.Remove(p); err != nil && !errors.Is(err, fs.ErrNotExist) {
			errs = append(errs, fmt.Errorf("removing %s: %w", name, err))
			continue
		}
		removed = append(removed, name)
		if strings.Contains(path.Dir(m.template.glob), "*") {
			_ = os.Remove(filepath.Dir(p)) // stays, unless this emptied it
		}
	}
	return written, removed, errors.Join(errs...)
}

// replace makes a file hold data, by a new one beside it that is renamed, and
// tells whether it did not before.
func replace(name string, data []byte, mode fs.FileMode) (changed bool, err error) {
	if same(name, data, mode) {
		return false, nil
	}
	dir := filepath.Dir(name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return false, err
	}
	f, err := renameio.NewPendingFile(name, renameio.WithTempDir(dir), renameio.WithStaticPermissions(mode))
	if err != nil {
		return false, err
	}
	defer f.Cleanup()
	if _, err := f.Write(data); err != nil {
		return false, err
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return false, err
	}
	return true, nil
}

// same tells whether a regular file of this mode with this content is there.
func same(name string, data []byte, mode fs.FileMode) bool {
	info, err := os.Lstat(name)
	if err != nil || info.Mode() != mode || info.Size() != int64(len(data)) {
		return false
	}
	have, err := os.ReadFile(name)
	return err == nil && bytes.Equal(have, data)
}

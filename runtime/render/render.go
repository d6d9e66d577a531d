// Package render turns settings into the configuration files of the host.
//
// A template is a file NAME.tmpl of the image: a TOML header between "+++"
// lines says which file it makes, which settings it reads and which units care,
// and a text/template body makes the file. docs/reference/templates.md has the
// format and the helpers.
//
// A settings value can never break out of its place: whatever an action prints
// must be a single line without control characters, unless a helper has quoted
// it for the format of the file.
package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Folder is where the templates lie in the image.
const Folder = "/usr/share/slipway/templates"

// A Set is the templates of an image, in the order of their names. It does not
// change; all methods may be called at the same time.
type Set struct{ templates []*Template }

// A Result tells what Render changed.
type Result struct {
	Written []string // paths of new or changed files, below the root
	Removed []string // paths of files that are no longer
	Units   []UnitAction
}

// An Error is a template that could not be rendered.
type Error struct {
	Template string
	Key      string // of the setting to blame, "" where it cannot be told
	Message  string
}

// Error says "template NAME: settings.KEY: MESSAGE".
func (e *Error) Error() string {
	s := "template " + e.Template + ": "
	if e.Key != "" {
		s += "settings." + e.Key + ": "
	}
	return s + e.Message
}

// Load reads every *.tmpl of a folder. Its errors name each wrong template.
func Load(dir fs.FS) (*Set, error) {
	names, err := fs.Glob(dir, "*.tmpl")
	if err != nil {
		return nil, fmt.Errorf("listing templates: %w", err)
	}
	if len(names) == 0 {
		return nil, errors.New("listing templates: there is none")
	}
	s := &Set{}
	var errs []error
	for _, name := range names {
		b, err := fs.ReadFile(dir, name)
		if err != nil {
			errs = append(errs, fmt.Errorf("reading template: %w", err))
			continue
		}
		t, err := read(strings.TrimSuffix(path.Base(name), ".tmpl"), string(b))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		s.templates = append(s.templates, t)
	}
	return s, errors.Join(errs...)
}

// All returns every template.
func (s *Set) All() []*Template { return slices.Clone(s.templates) }

// Affected returns the templates that read one of the keys: a key itself, what
// is below it, or a whole that it is part of.
func (s *Set) Affected(keys []string) []*Template {
	var ts []*Template
	for _, t := range s.templates {
		if slices.ContainsFunc(keys, t.reads) {
			ts = append(ts, t)
		}
	}
	return ts
}

// Check renders every template without writing anything: settings that pass
// can be rendered. root is where templates find the image's files.
func (s *Set) Check(root string, nested map[string]any) error {
	_, err := produceAll(root, s.templates, normal(nested))
	return err
}

// Render renders templates below root ("/" but for tests), writes what changed
// and removes what is no longer. The settings are nested as the schema nests
// them. A template that fails leaves its files as they are and does not keep
// the others from being written; the error joins all failures, and the result
// holds what was done.
func (s *Set) Render(root string, ts []*Template, nested map[string]any) (Result, error) {
	made, err := produceAll(root, ts, normal(nested))
	errs := []error{err}
	var r Result
	for _, m := range made {
		written, removed, err := m.install(root)
		if err != nil {
			errs = append(errs, fmt.Errorf("template %s: %w", m.template.Name, err))
		}
		r.Written = append(r.Written, written...)
		r.Removed = append(r.Removed, removed...)
		if len(written)+len(removed) > 0 {
			r.Units = append(r.Units, m.template.units()...)
		}
	}
	r.Units = Merge(r.Units)
	return r, errors.Join(errs...)
}

// produceAll renders templates in memory; those that fail are left out of the
// result. Two templates that want one file both fail.
func produceAll(root string, ts []*Template, nested map[string]any) ([]production, error) {
	var made []production
	var errs []error
	owner := map[string]string{}
	for _, t := range ts {
		files, err := t.produce(root, nested)
		for _, f := range files {
			if other, taken := owner[f.path]; taken && err == nil {
				err = &Error{Template: t.Name, Message: f.path + " is made by template " + other + " already"}
			}
			owner[f.path] = t.Name
		}
		if err != nil {
			errs = append(errs, err)
			continue
		}
		made = append(made, production{template: t, files: files})
	}
	return made, errors.Join(errs...)
}

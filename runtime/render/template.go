package render

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"reflect"
	"regexp"
	"strconv"
	"strings"
	"text/template"

	"github.com/pelletier/go-toml/v2"
)

// fence encloses the header of a template.
const fence = "+++\n"

// A Template makes one file, or one for each element of a setting.
type Template struct {
	Name   string // of its file, without ".tmpl"
	Header Header

	mode fs.FileMode
	path *template.Template
	body *template.Template
	glob string // what every path of this template matches, no other's does
}

// Header is the TOML part of a template.
type Header struct {
	// Path of the file, below /etc or /run/slipway. With Each or View it may
	// hold actions.
	Path string `toml:"path"`
	// Mode of the file, octal, such as "0644".
	Mode string `toml:"mode"`
	// Settings are the keys, or groups of keys, that the template may read.
	Settings []string `toml:"settings"`
	// When makes the file exist only while one of these is set and not empty.
	When []string `toml:"when"`
	// Each makes a file for each element of this map or list.
	Each string `toml:"each"`
	// View makes a file for each element of a view, see views.go.
	View string `toml:"view"`
	// Units to act on when a file changed.
	Restart    []string `toml:"restart"`
	TryRestart []string `toml:"try-restart"`
	Reload     []string `toml:"reload"`
}

var (
	keyForm  = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+(-[a-z0-9]+)*)*$`)
	unitForm = regexp.MustCompile(`^[A-Za-z0-9:_.@\\-]+\.(service|socket|target|timer|path)$`)
	modeForm = regexp.MustCompile(`^0[0-7]{3}$`)
)

// read reads one template.
func read(name, source string) (*Template, error) {
	fail := func(err error) (*Template, error) { return nil, fmt.Errorf("template %s: %w", name, err) }
	rest, opened := strings.CutPrefix(source, fence)
	head, body, closed := strings.Cut(rest, "\n"+fence)
	if !opened || !closed {
		return fail(errors.New(`does not begin with a header between "+++" lines`))
	}
	t := &Template{Name: name}
	if err := toml.NewDecoder(strings.NewReader(head)).DisallowUnknownFields().Decode(&t.Header); err != nil {
		return fail(fmt.Errorf("reading the header: %w", describe(err)))
	}
	if err := t.Header.check(); err != nil {
		return fail(fmt.Errorf("checking the header: %w", err))
	}
	bits, err := strconv.ParseUint(t.Header.Mode, 8, 16)
	if err != nil {
		return fail(fmt.Errorf("checking the header: %w", err))
	}
	t.mode = fs.FileMode(bits)
	if t.path, err = t.compile(t.Header.Path); err != nil {
		return fail(fmt.Errorf("reading the path: %w", err))
	}
	if t.body, err = t.compile(body); err != nil {
		return fail(err)
	}
	t.glob = globOf(t.path.Root)
	if !t.Header.many() && t.glob != globQuote(t.Header.Path) {
		return fail(errors.New("checking the header: a path with actions needs each or view"))
	}
	return t, nil
}

// describe adds the keys to blame to what the TOML decoder says.
func describe(err error) error {
	var unknown *toml.StrictMissingError
	if errors.As(err, &unknown) {
		return fmt.Errorf("no such field: %s", strings.Join(unknown.Errors[0].Key(), "."))
	}
	return err
}

func (h Header) check() error {
	switch {
	case !path.IsAbs(h.Path) || path.Clean(h.Path) != h.Path:
		return fmt.Errorf("path %q is not a clean absolute path", h.Path)
	case !owned(h.Path):
		return fmt.Errorf("path %q is neither below /etc nor below /run/slipway", h.Path)
	case !modeForm.MatchString(h.Mode):
		return fmt.Errorf(`mode %q is not of the form "0644"`, h.Mode)
	case len(h.Settings) == 0:
		return errors.New("it names no settings")
	}
	for _, k := range h.Settings {
		if !keyForm.MatchString(k) {
			return fmt.Errorf("settings: %q is not a key", k)
		}
	}
	for _, k := range h.When {
		if !h.covers(k) {
			return fmt.Errorf("when: %q is not among the settings", k)
		}
	}
	if h.Each != "" && !h.covers(h.Each) {
		return fmt.Errorf("each: %q is not among the settings", h.Each)
	}
	if v, ok := views[h.View]; h.View != "" && (!ok || h.Each != "" || !h.covers(v.reads)) {
		return fmt.Errorf("view: %q is none of the views, or its settings are not named, or there is each beside it", h.View)
	}
	for _, list := range [][]string{h.Restart, h.TryRestart, h.Reload} {
		for _, u := range list {
			if !unitForm.MatchString(u) {
				return fmt.Errorf("%q is not the name of a unit", u)
			}
		}
	}
	return nil
}

// owned tells whether templates may write there; those who render may write
// nowhere else.
func owned(p string) bool {
	return strings.HasPrefix(p, "/etc/") || strings.HasPrefix(p, "/run/slipway/")
}

// many tells whether the template makes a file for each element of something.
func (h Header) many() bool { return h.Each != "" || h.View != "" }

// covers tells whether the header declares a key.
func (h Header) covers(key string) bool {
	for _, p := range h.Settings {
		if within(key, p) {
			return true
		}
	}
	return false
}

// within tells whether key is prefix or below it.
func within(key, prefix string) bool {
	rest, ok := strings.CutPrefix(key, prefix)
	return ok && (rest == "" || rest[0] == '.')
}

// reads tells whether a change of key can change what the template makes.
func (t *Template) reads(key string) bool {
	for _, p := range t.Header.Settings {
		if within(key, p) || within(p, key) {
			return true
		}
	}
	return false
}

// compile parses text, makes its actions print nothing dangerous and checks the
// keys that it reads.
func (t *Template) compile(text string) (*template.Template, error) {
	c, err := template.New(t.Name).Option("missingkey=error").Funcs((&scope{}).funcs()).Parse(text)
	if err != nil {
		return nil, err
	}
	for _, part := range c.Templates() {
		g := guard{header: t.Header}
		if err := g.tree(part.Tree); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Fields lists the fields of a header, in the order of Header.
func Fields() []string {
	var names []string
	h := reflect.TypeFor[Header]()
	for i := range h.NumField() {
		names = append(names, h.Field(i).Tag.Get("toml"))
	}
	return names
}

// Package policy holds the checks that every package must pass, so that no
// recipe can forget them. Each check has a name; a recipe may except paths from
// a check by that name, and the exception stands in the recipe for all to see.
package policy

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/slipway-os/slipway/packages/internal/layer"
)

// Checks are the names of all checks, as exceptions use them. "strip" is no
// check: its exceptions are files that keep their symbols as they are.
var Checks = []string{"arch", "rpath", "pie", "relro", "stack-protector", "exec-stack", "needed", "build-path", "setuid", "layout", "strip"}

// Package is what is checked.
type Package struct {
	Name       string
	Entries    []layer.Entry       // runtime and devel
	Libraries  map[string]bool     // file names of the libraries of the dependencies
	Setuid     []string            // paths that may be setuid or setgid
	Exceptions map[string][]string // check name to path patterns
}

// Violation is one broken rule.
type Violation struct {
	Check, Path, Message string
}

func (v Violation) Error() string {
	return fmt.Sprintf("/%s: %s (check %q)", v.Path, v.Message, v.Check)
}

// Check returns every violation joined into one error, or nil.
func Check(p Package) error {
	for name := range p.Exceptions {
		if !contains(Checks, name) {
			return fmt.Errorf("package %s: exception for unknown check %q (have %s)", p.Name, name, strings.Join(Checks, ", "))
		}
	}
	own := map[string]bool{}
	for _, e := range p.Entries {
		own[path.Base(e.Path)] = true
	}
	var errs []error
	for _, e := range p.Entries {
		violations, err := checkEntry(p, own, e)
		if err != nil {
			return fmt.Errorf("checking /%s: %w", e.Path, err)
		}
		for _, v := range violations {
			if !layer.Match(p.Exceptions[v.Check], v.Path) {
				errs = append(errs, v)
			}
		}
	}
	return errors.Join(errs...)
}

func contains(list []string, s string) bool {
	for _, x := range list {
		if x == s {
			return true
		}
	}
	return false
}

func checkEntry(p Package, own map[string]bool, e layer.Entry) ([]Violation, error) {
	var out []Violation
	add := func(check, format string, args ...any) {
		out = append(out, Violation{check, e.Path, fmt.Sprintf(format, args...)})
	}
	if bad := outsideLayout(e); bad != "" {
		add("layout", "%s", bad)
	}
	if e.Info.Mode()&(fs.ModeSetuid|fs.ModeSetgid) != 0 && e.Info.Mode().IsRegular() && !contains(p.Setuid, e.Path) {
		add("setuid", "is setuid or setgid and not in the recipe's list")
	}
	if !e.Info.Mode().IsRegular() {
		return out, nil
	}
	data, err := os.ReadFile(e.File)
	if err != nil {
		return nil, err
	}
	for _, dir := range []string{"/build/src", "/build/obj", "/out/root", "/sysroot/usr"} {
		if i := bytes.Index(data, []byte(dir)); i >= 0 {
			add("build-path", "holds the build path %q at byte %d", dir, i)
		}
	}
	if bytes.HasPrefix(data, []byte("\x7fELF")) {
		if err := checkELF(p, own, data, add); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// outsideLayout says what is wrong with a path that a package of a usr-merged,
// read-only system must not install.
func outsideLayout(e layer.Entry) string {
	top, _, _ := strings.Cut(e.Path, "/")
	switch top {
	case "usr", "boot":
		return ""
	case "var", "run", "home", "root", "tmp", "etc", "opt", "srv", "mnt":
		if e.Info.IsDir() {
			return "" // mount points; the filesystem package owns them
		}
	default:
		if e.Info.IsDir() || e.Info.Mode()&fs.ModeSymlink != 0 {
			return ""
		}
	}
	return "is outside of /usr; state is made by tmpfiles, configuration comes from usr/share/factory/etc"
}

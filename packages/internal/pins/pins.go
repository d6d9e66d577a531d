// Package pins reads and writes packages/sources.bzl, the one table of source
// pins, as a machine does: every other line of the file stays as it is.
package pins

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/bazelbuild/buildtools/build"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

// File is one file of a pin: its path below an archive's root, size in bytes
// and SHA-256.
type File = debian.File

// Pin is the entry of one source.
type Pin struct {
	// Source is the archive's name of the source package.
	Source string
	// Version is upstream's version; Debian the archive's.
	Version, Debian string
	// Files are upstream's tarballs, the main one first.
	Files []File
	// DebianFiles hold Debian's patches; none for a native package.
	DebianFiles []File
	// URLs are upstream's own addresses of the main tarball.
	URLs []string
}

// Table is the parsed file.
type Table struct {
	Pins map[string]Pin
	file *build.File
	dict *build.DictExpr
}

// Parse reads the table in data; name is used in messages.
func Parse(name string, data []byte) (*Table, error) {
	file, err := build.ParseBzl(name, data)
	if err != nil {
		return nil, fmt.Errorf("parsing table of pins: %w", err)
	}
	t := &Table{Pins: map[string]Pin{}, file: file}
	for _, stmt := range file.Stmt {
		assign, ok := stmt.(*build.AssignExpr)
		if !ok {
			continue
		}
		if lhs, ok := assign.LHS.(*build.Ident); !ok || lhs.Name != "SOURCES" {
			continue
		}
		if t.dict, ok = assign.RHS.(*build.DictExpr); !ok {
			return nil, fmt.Errorf("%s: SOURCES is not a dictionary", name)
		}
	}
	if t.dict == nil {
		return nil, fmt.Errorf("%s: there is no SOURCES", name)
	}
	for _, kv := range t.dict.List {
		key, pin, err := decode(kv)
		if err != nil {
			start, _ := kv.Span()
			return nil, fmt.Errorf("%s:%d: %w", name, start.Line, err)
		}
		t.Pins[key] = pin
	}
	return t, nil
}

// Set adds the pin called key or puts it in the place of the old one.
func (t *Table) Set(key string, pin Pin) {
	t.Pins[key] = pin
	if t.dict.End.Pos.Line == t.dict.Start.Line {
		t.dict.End.Pos.Line++ // the printer keeps to lines as they were in the file
	}
	entry := encode(key, pin)
	at, found := slices.BinarySearchFunc(t.dict.List, key, func(kv *build.KeyValueExpr, key string) int {
		return compareKeys(kv.Key.(*build.StringExpr).Value, key)
	})
	if found {
		entry.Comments = t.dict.List[at].Comments
		t.dict.List[at] = entry
		return
	}
	t.dict.List = slices.Insert(t.dict.List, at, entry)
}

// Format returns the file's text as buildifier would lay it out.
func (t *Table) Format() []byte { return build.Format(t.file) }

// compareKeys is the order of the table.
func compareKeys(a, b string) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// encode builds the Starlark of one entry.
func encode(key string, pin Pin) *build.KeyValueExpr {
	args := []build.Expr{
		named("source", text(pin.Source)),
		named("version", text(pin.Version)),
		named("debian", text(pin.Debian)),
		named("files", files(pin.Files)),
	}
	if len(pin.DebianFiles) > 0 {
		args = append(args, named("debian_files", files(pin.DebianFiles)))
	}
	if len(pin.URLs) > 0 {
		urls := &build.ListExpr{}
		for _, url := range pin.URLs {
			urls.List = append(urls.List, text(url))
		}
		args = append(args, named("urls", urls))
	}
	return &build.KeyValueExpr{Key: text(key), Value: call("pin", true, args...)}
}

// files builds a list of file(path, size, sha256).
func files(list []File) build.Expr {
	out := &build.ListExpr{ForceMultiLine: true}
	for _, f := range list {
		size := &build.LiteralExpr{Token: strconv.FormatInt(f.Size, 10)}
		out.List = append(out.List, call("file", false, text(f.Path), size, text(f.SHA256)))
	}
	return out
}

func text(s string) build.Expr { return &build.StringExpr{Value: s} }

func named(name string, value build.Expr) build.Expr {
	return &build.AssignExpr{LHS: &build.Ident{Name: name}, Op: "=", RHS: value}
}

func call(name string, lines bool, args ...build.Expr) build.Expr {
	return &build.CallExpr{X: &build.Ident{Name: name}, List: args, ForceMultiLine: lines}
}

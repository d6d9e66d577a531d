package pins

import (
	"fmt"
	"strconv"

	"github.com/bazelbuild/buildtools/build"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

// decode reads one entry: "name": pin(…).
func decode(kv *build.KeyValueExpr) (string, Pin, error) {
	key, err := toText(kv.Key)
	if err != nil {
		return "", Pin{}, fmt.Errorf("key: %w", err)
	}
	args, err := toCall(kv.Value, "pin")
	if err != nil {
		return key, Pin{}, fmt.Errorf("pin %q: %w", key, err)
	}
	var pin Pin
	for _, arg := range args {
		if err := pin.set(arg); err != nil {
			return key, pin, fmt.Errorf("pin %q: %w", key, err)
		}
	}
	return key, pin, nil
}

// set takes one keyword argument into the pin.
func (p *Pin) set(arg build.Expr) error {
	assign, ok := arg.(*build.AssignExpr)
	if !ok {
		return fmt.Errorf("%s is not a keyword argument", build.FormatString(arg))
	}
	name := build.FormatString(assign.LHS)
	var err error
	switch name {
	case "source":
		p.Source, err = toText(assign.RHS)
	case "version":
		p.Version, err = toText(assign.RHS)
	case "debian":
		p.Debian, err = toText(assign.RHS)
	case "files":
		p.Files, err = toList(assign.RHS, toFile)
	case "debian_files":
		p.DebianFiles, err = toList(assign.RHS, toFile)
	case "urls":
		p.URLs, err = toList(assign.RHS, toText)
	default:
		return fmt.Errorf("there is no argument %q", name)
	}
	if err != nil {
		return fmt.Errorf("argument %q: %w", name, err)
	}
	return nil
}

// toFile reads file(path, size, sha256).
func toFile(e build.Expr) (File, error) {
	args, err := toCall(e, "file")
	if err != nil {
		return File{}, err
	}
	if len(args) != 3 {
		return File{}, fmt.Errorf("file() has %d arguments, not path, size and sha256", len(args))
	}
	var f File
	if f.Path, err = toText(args[0]); err != nil {
		return f, err
	}
	if f.Size, err = strconv.ParseInt(build.FormatString(args[1]), 10, 64); err != nil || f.Size < 0 {
		return f, fmt.Errorf("%s is not a size", build.FormatString(args[1]))
	}
	if f.SHA256, err = toText(args[2]); err != nil {
		return f, err
	}
	if !debian.IsSHA256(f.SHA256) {
		return f, fmt.Errorf("%q is not a SHA-256 sum", f.SHA256)
	}
	return f, nil
}

// toCall returns the arguments of a call of the function called name.
func toCall(e build.Expr, name string) ([]build.Expr, error) {
	c, ok := e.(*build.CallExpr)
	if ok {
		var f *build.Ident
		if f, ok = c.X.(*build.Ident); ok && f.Name == name {
			return c.List, nil
		}
	}
	return nil, fmt.Errorf("%s is not a call of %s()", build.FormatString(e), name)
}

// toList reads a list of Ts.
func toList[T any](e build.Expr, item func(build.Expr) (T, error)) ([]T, error) {
	list, ok := e.(*build.ListExpr)
	if !ok {
		return nil, fmt.Errorf("%s is not a list", build.FormatString(e))
	}
	var out []T
	for _, one := range list.List {
		value, err := item(one)
		if err != nil {
			return nil, err
		}
		out = append(out, value)
	}
	return out, nil
}

func toText(e build.Expr) (string, error) {
	s, ok := e.(*build.StringExpr)
	if !ok {
		return "", fmt.Errorf("%s is not a string", build.FormatString(e))
	}
	return s.Value, nil
}

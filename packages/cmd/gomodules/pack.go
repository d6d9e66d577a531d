package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

type options struct {
	goCommand, mod, sum, output string
}

// A module is what `go mod download -json` says of one module.
type module struct {
	Path, Version, Error string
	GoMod, Zip           string // files in the module cache
}

// pack downloads the modules and writes the archive beside its final name
// first.
func pack(ctx context.Context, o options) error {
	if o.mod == "" || o.sum == "" || o.output == "" {
		return errors.New("--mod, --sum and --output are needed; see --help")
	}
	modules, err := download(ctx, o)
	if err != nil {
		return err
	}
	part := o.output + ".part"
	f, err := os.Create(part)
	if err != nil {
		return err
	}
	defer os.Remove(part)
	if err := errors.Join(write(f, modules), f.Close()); err != nil {
		return fmt.Errorf("writing %s: %w", o.output, err)
	}
	return os.Rename(part, o.output)
}

func download(ctx context.Context, o options) ([]module, error) {
	dir, err := os.MkdirTemp("", "gomodules-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	before, err := os.ReadFile(o.sum)
	if err != nil {
		return nil, err
	}
	mod, err := os.ReadFile(o.mod)
	if err != nil {
		return nil, err
	}
	sumCopy := filepath.Join(dir, "go.sum")
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "go.mod"), mod, 0o644), os.WriteFile(sumCopy, before, 0o644)); err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, o.goCommand, "mod", "download", "-json")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOWORK=off", "GOFLAGS=-modcacherw")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, runErr := cmd.Output()
	modules, err := parse(out)
	if err := errors.Join(err, runErr); err != nil {
		return nil, fmt.Errorf("downloading the modules of %s: %w\n%s", o.mod, err, stderr.String())
	}
	after, err := os.ReadFile(sumCopy)
	if err != nil {
		return nil, err
	}
	if missing := newLines(string(before), string(after)); len(missing) > 0 {
		return nil, fmt.Errorf("%s lacks %d sums, the first is\n  %s\nrun `go mod download` in its folder and look at what it adds", o.sum, len(missing), missing[0])
	}
	return modules, nil
}

// parse reads the go command's stream of JSON values.
func parse(out []byte) ([]module, error) {
	var modules []module
	var errs []error
	d := json.NewDecoder(bytes.NewReader(out))
	for {
		var m module
		err := d.Decode(&m)
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("reading the go command's answer: %w", err)
		}
		if m.Error != "" {
			errs = append(errs, fmt.Errorf("%s@%s: %s", m.Path, m.Version, m.Error))
		}
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b module) int { return strings.Compare(a.Path+"@"+a.Version, b.Path+"@"+b.Version) })
	return modules, errors.Join(errs...)
}

// newLines returns the lines of after that before has not.
func newLines(before, after string) []string {
	old := strings.Split(before, "\n")
	var lines []string
	for _, l := range strings.Split(after, "\n") {
		if !slices.Contains(old, l) {
			lines = append(lines, l)
		}
	}
	return lines
}

func write(w io.Writer, modules []module) error {
	t := tar.NewWriter(w)
	for _, m := range modules {
		// The cache's folder names are the escaped ones of the protocol.
		_, rel, ok := strings.Cut(filepath.ToSlash(m.Zip), "/cache/download/")
		if !ok {
			return fmt.Errorf("%s@%s: no zip in the module cache", m.Path, m.Version)
		}
		base := strings.TrimSuffix(rel, ".zip")
		info, err := json.Marshal(map[string]string{"Version": m.Version})
		if err != nil {
			return err
		}
		if err := add(t, base+".info", info); err != nil {
			return err
		}
		for _, file := range []string{m.GoMod, m.Zip} {
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			if err := add(t, base+filepath.Ext(file), data); err != nil {
				return err
			}
		}
	}
	return t.Close()
}

func add(t *tar.Writer, name string, data []byte) error {
	h := &tar.Header{Name: "proxy/" + name, Mode: 0o644, Size: int64(len(data)), ModTime: time.Unix(0, 0), Format: tar.FormatPAX}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err := t.Write(data)
	return err
}

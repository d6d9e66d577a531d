package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/slipway-os/slipway/packages/internal/layer"
	"github.com/slipway-os/slipway/packages/internal/recipe"
	"github.com/slipway-os/slipway/packages/internal/sandbox"
)

func (b *builder) prepareFolders() error {
	for _, dir := range []string{"build", "out/root", "sysroot/usr/lib", "sysroot/usr/bin", "src"} {
		if err := os.MkdirAll(filepath.Join(b.work, dir), 0o755); err != nil {
			return err
		}
	}
	for link, to := range map[string]string{"lib": "usr/lib", "lib64": "usr/lib", "bin": "usr/bin"} {
		if err := os.Symlink(to, filepath.Join(b.work, "sysroot", link)); err != nil {
			return err
		}
	}
	cross := filepath.Join(b.work, "src", "cross.ini")
	if err := os.WriteFile(cross, []byte(b.recipe.CrossFile()), 0o644); err != nil {
		return err
	}
	// meson refuses files that are newer than the clock that it sees.
	epoch := time.Unix(b.recipe.Epoch, 0)
	return os.Chtimes(cross, epoch, epoch)
}

// extractSysroot lays the dependencies' layers over one another and returns
// the names of the shared libraries that they hold.
func (b *builder) extractSysroot() (map[string]bool, error) {
	root := filepath.Join(b.work, "sysroot")
	for _, l := range b.recipe.Layers {
		if err := layer.Extract(l, root); err != nil {
			return nil, fmt.Errorf("making the sysroot: %w", err)
		}
	}
	libraries := map[string]bool{}
	list, err := os.ReadDir(filepath.Join(root, "usr/lib"))
	if err != nil {
		return nil, err
	}
	for _, d := range list {
		if strings.Contains(d.Name(), ".so") {
			libraries[d.Name()] = true
		}
	}
	systemd, err := filepath.Glob(filepath.Join(root, "usr/lib/systemd/*.so"))
	for _, file := range systemd {
		libraries[filepath.Base(file)] = true
	}
	return libraries, err
}

// sandbox describes the root that phases run in: the SDK, the sysroot, the
// declared inputs, and nothing else.
func (b *builder) sandbox() sandbox.Config {
	cfg := sandbox.Config{
		Root: b.sdk, Hostname: "slipway-build", UID: 1000,
		Tmpfs: []string{"/tmp", "/src", "/run"},
		Env:   b.recipe.Environment(jobs()),
	}
	bind := func(host, inside string, writable bool) {
		cfg.Binds = append(cfg.Binds, sandbox.Bind{Source: mustResolve(host), Target: inside, Writable: writable})
	}
	bind(filepath.Join(b.work, "build"), "/build", true)
	bind(filepath.Join(b.work, "out"), "/out", true)
	bind(filepath.Join(b.work, "sysroot"), recipe.Sysroot, false)
	if b.recipe.GoRoot != "" {
		bind(filepath.Dir(filepath.Dir(mustResolve(b.recipe.GoRoot))), recipe.GoRootDir, false)
		cfg.Tmpfs = append(cfg.Tmpfs, "/tools")
	}
	for inside, host := range b.inputs() {
		bind(host, recipe.InputDir+"/"+inside, false)
	}
	sort.Slice(cfg.Binds, func(i, j int) bool { return cfg.Binds[i].Target < cfg.Binds[j].Target })
	return cfg
}

// inputs maps names below /src to host files.
func (b *builder) inputs() map[string]string {
	r := b.recipe
	in := map[string]string{"cross.ini": filepath.Join(b.work, "src", "cross.ini")}
	for i, s := range r.Sources {
		in[r.SourceName(i)] = s
	}
	for i, p := range r.Patches {
		in[r.PatchName(i)] = p
	}
	for name, file := range map[string]string{"debian.tar": r.Debian, "prepare.sh": r.Prepare, "build.sh": r.Build, "finish.sh": r.Finish, "kconfig": r.Kconfig, "require.config": r.Require, "go.mod": r.GoMod, "go.sum": r.GoSum} {
		if file != "" {
			in[name] = file
		}
	}
	for i, f := range r.Fragments {
		in[r.FragmentName(i)] = f
	}
	for inside, file := range r.Files {
		in["files/"+inside] = file
	}
	return in
}

// mustResolve follows the links that Bazel makes for inputs. A path that does
// not resolve is kept: binding it then gives the error that names it.
func mustResolve(file string) string {
	abs, err := filepath.Abs(file)
	if err != nil {
		return file
	}
	if real, err := filepath.EvalSymlinks(abs); err == nil {
		return real
	}
	return abs
}

// addFiles installs the recipe's own files and links.
func (b *builder) addFiles() error {
	root := filepath.Join(b.work, "out", "root")
	for name, file := range b.recipe.Files {
		data, err := os.ReadFile(file)
		if err != nil {
			return fmt.Errorf("installing /%s: %w", name, err)
		}
		mode := fs.FileMode(0o644)
		if bytes.HasPrefix(data, []byte("\x7fELF")) || strings.HasPrefix(name, "usr/bin/") {
			mode = 0o755
		}
		if err := writeBelow(root, name, data, mode); err != nil {
			return err
		}
	}
	for name, to := range b.recipe.Links {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return err
		}
		if err := os.Symlink(to, file); err != nil {
			return fmt.Errorf("linking /%s: %w", name, err)
		}
	}
	return nil
}

func writeBelow(root, name string, data []byte, mode fs.FileMode) error {
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(file, data, mode); err != nil {
		return err
	}
	return os.Chmod(file, mode)
}

// removeAll removes a work folder, also where a build made folders read-only.
func removeAll(dir string) {
	filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(file, 0o755)
		}
		return nil
	})
	os.RemoveAll(dir)
}

// showTail prints the last lines of the log, where the reason of a failure is.
func showTail(file string, lines int) {
	data, err := os.ReadFile(file)
	if err != nil {
		return
	}
	all := strings.Split(strings.TrimRight(string(data), "\n"), "\n")
	if len(all) > lines {
		all = all[len(all)-lines:]
	}
	fmt.Fprintln(os.Stderr, strings.Join(all, "\n"))
}

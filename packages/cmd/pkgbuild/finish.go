package main

import (
	"context"
	"debug/elf"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"

	"github.com/slipway-os/slipway/packages/internal/layer"
	"github.com/slipway-os/slipway/packages/internal/recipe"
)

// licensePatterns are the names that projects give to their licence texts.
var licensePatterns = []string{"COPYING*", "LICENSE*", "LICENCE*", "COPYRIGHT*", "LICENSES/*"}

// addLicenses copies the licence texts of the source to
// usr/share/licenses/NAME. A source without any is an error.
func (b *builder) addLicenses() error {
	if len(b.recipe.Sources) == 0 {
		return nil
	}
	patterns := b.recipe.LicenseFiles
	if len(patterns) == 0 {
		patterns = licensePatterns
	}
	source := filepath.Join(b.work, "build", "src")
	found := 0
	for _, p := range patterns {
		files, err := filepath.Glob(filepath.Join(source, p))
		if err != nil {
			return fmt.Errorf("licence pattern %q: %w", p, err)
		}
		for _, file := range files {
			info, err := os.Stat(file)
			if err != nil || !info.Mode().IsRegular() {
				continue
			}
			data, err := os.ReadFile(file)
			if err != nil {
				return err
			}
			name := path.Join("usr/share/licenses", b.recipe.Name, filepath.Base(file))
			if err := writeBelow(filepath.Join(b.work, "out", "root"), name, data, 0o644); err != nil {
				return err
			}
			found++
		}
	}
	if found == 0 {
		return fmt.Errorf("no licence text matches %q in the source; name it in license_files", patterns)
	}
	return nil
}

// strip takes symbols that nothing at run time needs out of programs,
// libraries and objects.
func (b *builder) strip(ctx context.Context, installed string) error {
	entries, err := layer.List(installed)
	if err != nil {
		return err
	}
	var programs, objects []string
	for _, e := range entries {
		if !e.Info.Mode().IsRegular() || layer.Match(b.recipe.Drop, e.Path) || layer.Match(b.recipe.Exceptions["strip"], e.Path) {
			continue
		}
		if err := os.Chmod(e.File, e.Info.Mode()|0o200); err != nil { // strip replaces it
			return err
		}
		inside := recipe.InstallDir + "/" + e.Path
		if isArchive(e.File) {
			objects = append(objects, inside)
			continue
		}
		f, err := elf.Open(e.File)
		if err != nil {
			continue
		}
		if f.Type == elf.ET_REL {
			objects = append(objects, inside)
		} else {
			programs = append(programs, inside)
		}
		f.Close()
	}
	p := recipe.Phase{Name: "strip"}
	if len(programs) > 0 {
		args := []string{recipe.Tools + "strip", "--strip-unneeded", "--remove-section=.comment"}
		p.Commands = append(p.Commands, recipe.Command{Dir: "/out", Args: append(args, programs...)})
	}
	if len(objects) > 0 {
		args := []string{recipe.Tools + "strip", "--strip-debug", "--enable-deterministic-archives"}
		p.Commands = append(p.Commands, recipe.Command{Dir: "/out", Args: append(args, objects...)})
	}
	return b.runPhases(ctx, []recipe.Phase{p})
}

// isArchive tells an archive of objects from a linker script that has an
// archive's name (libm.a).
func isArchive(file string) bool {
	const magic = "!<arch>\n"
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(magic))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == magic
}

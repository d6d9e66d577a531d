package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/packages/internal/layer"
	"github.com/slipway-os/slipway/packages/internal/policy"
	"github.com/slipway-os/slipway/packages/internal/recipe"
	"github.com/slipway-os/slipway/packages/internal/sandbox"
)

// outputs are the files that a build writes.
type outputs struct {
	runtime, devel, log string
	extract             []string // INSTALLED:FILE
}

func newBuild() *cobra.Command {
	var (
		flags    sdkFlags
		file     string
		out      outputs
		keepWork bool
	)
	c := &cobra.Command{
		Use:   "build",
		Short: "Build one package from its recipe into a runtime and a devel layer",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			r, err := recipe.Load(file)
			if err != nil {
				return err
			}
			root, err := flags.unpack(cmd.Context())
			if err != nil {
				return err
			}
			cache, err := flags.cacheDir()
			if err != nil {
				return err
			}
			b := builder{recipe: r, sdk: root, out: out}
			return b.run(cmd.Context(), filepath.Join(cache, "work"), keepWork)
		},
	}
	flags.register(c)
	f := c.Flags()
	f.StringVar(&file, "recipe", "", "recipe (JSON)")
	f.StringVar(&out.runtime, "runtime", "", "runtime layer to write")
	f.StringVar(&out.devel, "devel", "", "devel layer to write")
	f.StringVar(&out.log, "log", "", "build log to write")
	f.StringArrayVar(&out.extract, "extract", nil, "INSTALLED:FILE, an installed path (or pattern of one) to write to FILE instead of a layer")
	f.BoolVar(&keepWork, "keep-work", false, "keep the work folder of a failed build, and say where it is")
	for _, name := range []string{"recipe", "runtime", "devel", "log"} {
		c.MarkFlagRequired(name)
	}
	return c
}

// builder builds one package.
type builder struct {
	recipe *recipe.Recipe
	sdk    string
	out    outputs
	work   string
	log    io.Writer
}

func (b *builder) run(ctx context.Context, parent string, keep bool) (err error) {
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return fmt.Errorf("creating work folder: %w", err)
	}
	if b.work, err = os.MkdirTemp(parent, b.recipe.Name+"-"); err != nil {
		return fmt.Errorf("creating work folder: %w", err)
	}
	defer func() {
		if err != nil && keep {
			fmt.Fprintln(os.Stderr, "pkgbuild: work folder kept:", b.work)
			return
		}
		removeAll(b.work)
	}()
	log, err := os.Create(b.out.log)
	if err != nil {
		return fmt.Errorf("creating log: %w", err)
	}
	defer log.Close()
	b.log = log
	if err = b.build(ctx); err != nil {
		showTail(b.out.log, 60)
		return fmt.Errorf("building %s %s: %w", b.recipe.Name, b.recipe.Version, err)
	}
	return nil
}

func (b *builder) build(ctx context.Context) error {
	if err := b.prepareFolders(); err != nil {
		return err
	}
	libraries, err := b.extractSysroot()
	if err != nil {
		return err
	}
	if err := b.runPhases(ctx, b.recipe.Phases(jobs())); err != nil {
		return err
	}
	if err := b.addFiles(); err != nil {
		return err
	}
	if err := b.addLicenses(); err != nil {
		return err
	}
	installed := filepath.Join(b.work, "out", "root")
	if err := layer.Merge(installed); err != nil {
		return err
	}
	if err := b.strip(ctx, installed); err != nil {
		return err
	}
	if err := b.extract(installed); err != nil {
		return err
	}
	return b.writeLayers(installed, libraries)
}

// writeLayers splits, checks and writes what was installed.
func (b *builder) writeLayers(installed string, libraries map[string]bool) error {
	entries, err := layer.List(installed)
	if err != nil {
		return err
	}
	runtime, devel := layer.Split(entries, layer.Policy{Drop: b.recipe.Drop, Keep: b.recipe.Keep, Devel: b.recipe.Devel})
	if len(runtime)+len(devel) == 0 {
		return errors.New("the package installed nothing")
	}
	err = policy.Check(policy.Package{
		Name: b.recipe.Name, Entries: append(append([]layer.Entry{}, runtime...), devel...),
		Libraries: libraries, Setuid: b.recipe.Setuid, Exceptions: b.recipe.Exceptions,
	})
	if err != nil {
		return fmt.Errorf("policy:\n%w", err)
	}
	if err := layer.Write(b.out.runtime, runtime, b.recipe.Epoch); err != nil {
		return err
	}
	return layer.Write(b.out.devel, devel, b.recipe.Epoch)
}

// runPhases runs the phases one by one and notes each one's time in the log.
func (b *builder) runPhases(ctx context.Context, phases []recipe.Phase) error {
	for _, p := range phases {
		cfg := b.sandbox()
		for _, c := range p.Commands {
			cfg.Commands = append(cfg.Commands, sandbox.Command{Phase: p.Name, Dir: c.Dir, Args: c.Args})
			fmt.Fprintf(b.log, "==> %s: %s\n", p.Name, strings.Join(c.Args, " "))
		}
		start := time.Now()
		if err := sandbox.Run(ctx, cfg, sandbox.Streams{Out: b.log, Err: b.log}); err != nil {
			return err
		}
		fmt.Fprintf(b.log, "==> %s: done in %s\n", p.Name, time.Since(start).Round(time.Millisecond))
	}
	return nil
}

// extract moves installed files to outputs of their own.
func (b *builder) extract(installed string) error {
	for _, e := range b.out.extract {
		pattern, file, ok := strings.Cut(e, ":")
		if !ok {
			return fmt.Errorf("extract %q: want INSTALLED:FILE", e)
		}
		found, err := filepath.Glob(filepath.Join(installed, pattern))
		if err != nil {
			return fmt.Errorf("extract %q: %w", e, err)
		}
		if len(found) != 1 {
			return fmt.Errorf("extract %q: %d installed files match, want 1", e, len(found))
		}
		data, err := os.ReadFile(found[0])
		if err != nil {
			return err
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			return err
		}
		if err := os.Remove(found[0]); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

type options struct {
	target, tree   string
	withTree, keep bool
}

// reproduce reports whether all outputs of the builds are the same.
func reproduce(ctx context.Context, o options, out io.Writer) (bool, error) {
	if o.tree == "" {
		return false, errors.New("no work tree: run this by bazel run //bench/reproduce, or name one by --tree")
	}
	work, err := os.MkdirTemp("", "reproduce-")
	if err != nil {
		return false, err
	}
	if o.keep {
		fmt.Fprintln(out, "folders are kept in", work)
	} else {
		defer removeAll(work)
	}
	var builds []map[string]string
	if o.withTree {
		sums, err := sums(filepath.Join(o.tree, "bazel-bin"))
		if err != nil {
			return false, fmt.Errorf("reading this tree's outputs: %w", err)
		}
		builds = append(builds, sums)
	}
	for i := len(builds); i < 2; i++ {
		dir := filepath.Join(work, fmt.Sprintf("build-%d", i+1))
		start := time.Now()
		sums, err := build(ctx, o, dir)
		if err != nil {
			return false, fmt.Errorf("build %d: %w", i+1, err)
		}
		fmt.Fprintf(out, "build %d: %d files, %s\n", i+1, len(sums), time.Since(start).Round(time.Second))
		builds = append(builds, sums)
	}
	if o.withTree {
		// The tree may have built more than the target.
		maps.DeleteFunc(builds[0], func(name, _ string) bool { return builds[1][name] == "" })
	}
	return compare(out, builds[0], builds[1]), nil
}

// build clones the work tree into dir and builds there with an empty output
// base and no disk cache.
func build(ctx context.Context, o options, dir string) (map[string]string, error) {
	clone := filepath.Join(dir, "tree")
	if err := run(ctx, "", "git", "clone", "-q", o.tree, clone); err != nil {
		return nil, err
	}
	base := "--output_base=" + filepath.Join(dir, "base")
	err := run(ctx, clone, "./bazelw", base, "build", "--disk_cache=", "--noshow_progress", o.target)
	stop := run(context.WithoutCancel(ctx), clone, "./bazelw", base, "shutdown")
	if err := errors.Join(err, stop); err != nil {
		return nil, err
	}
	return sums(filepath.Join(clone, "bazel-bin"))
}

func run(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("running %s %v: %w", name, args, err)
	}
	return nil
}

// removeAll removes a folder in which Bazel made folders read-only.
func removeAll(dir string) {
	filepath.WalkDir(dir, func(file string, d os.DirEntry, err error) error {
		if d != nil && d.IsDir() {
			os.Chmod(file, 0o755)
		}
		return nil
	})
	os.RemoveAll(dir)
}

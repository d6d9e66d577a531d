package main

import (
	"os"
	"path/filepath"
	"strings"
)

// hostPaths translates between the user's paths and those in the SDK's root,
// in which this program runs under Bazel.
type hostPaths struct {
	root string // where the host's / is, "" outside of the SDK's root
	cwd  string // the user's current folder, as the host has it
}

// Variables that the launcher sets.
const (
	envRoot = "SLIPWAY_HOST_ROOT"
	envCwd  = "BUILD_WORKING_DIRECTORY"
)

func hostPathsFromEnv() hostPaths {
	return hostPaths{root: os.Getenv(envRoot), cwd: os.Getenv(envCwd)}
}

// inside returns where this program finds what the user named.
func (h hostPaths) inside(path string) string {
	if !filepath.IsAbs(path) && h.cwd != "" {
		path = filepath.Join(h.cwd, path)
	}
	if h.root == "" || !filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(h.root, path)
}

// outside returns what the user calls a path of this program.
func (h hostPaths) outside(path string) string {
	if rest, ok := strings.CutPrefix(path, h.root+"/"); ok && h.root != "" {
		return "/" + rest
	}
	return path
}

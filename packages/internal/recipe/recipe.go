// Package recipe turns the facts that a package rule states into the commands
// of each phase: unpack, patch, prepare, configure, build, install, finish.
//
// A Recipe is written by Bazel as JSON. Paths of inputs are host paths; they
// appear in the sandbox below /src. The package is built in /build, against
// the sysroot at /sysroot, and installed into /out/root.
package recipe

import (
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

// Fixed places in the sandbox.
const (
	SourceDir  = "/build/src" // unpacked and patched source
	ObjectDir  = "/build/obj" // for builds outside of the source tree
	Sysroot    = "/sysroot"
	InstallDir = "/out/root"
	InputDir   = "/src"
	// Target is the GNU triplet of what is built. Its vendor differs from the
	// SDK's so that autoconf treats the build as a cross build and never runs
	// what it compiles.
	Target = "x86_64-slipway-linux-gnu"
	// Tools is the prefix of the SDK's own compiler and binutils.
	Tools = "x86_64-linux-gnu-"
)

// Recipe is one package's facts.
type Recipe struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Style    string   `json:"style"` // a key of styles
	License  string   `json:"license"`
	Sources  []string `json:"sources"` // archives; the first is unpacked to SourceDir
	Debian   string   `json:"debian,omitempty"`
	Patches  []string `json:"patches,omitempty"`
	Layers   []string `json:"layers,omitempty"` // tars that make up the sysroot
	Provided []string `json:"provided,omitempty"`

	Subdir    string            `json:"subdir,omitempty"` // of the source, where the build starts
	Configure []string          `json:"configure,omitempty"`
	Options   map[string]string `json:"options,omitempty"`
	Targets   []string          `json:"targets,omitempty"`
	Install   []string          `json:"install,omitempty"`
	Variables map[string]string `json:"variables,omitempty"` // make variables
	Env       map[string]string `json:"env,omitempty"`
	CFlags    []string          `json:"cflags,omitempty"`
	Prepare   string            `json:"prepare,omitempty"` // script before configure
	Build     string            `json:"build,omitempty"`   // script of the custom style
	Finish    string            `json:"finish,omitempty"`  // script after install

	Files        map[string]string `json:"files,omitempty"` // image path to host path
	Links        map[string]string `json:"links,omitempty"` // image path to link text
	Drop         []string          `json:"drop,omitempty"`
	Keep         []string          `json:"keep,omitempty"`
	Devel        []string          `json:"devel,omitempty"`
	LicenseFiles []string          `json:"license_files,omitempty"`

	Setuid     []string            `json:"setuid,omitempty"`
	Exceptions map[string][]string `json:"exceptions,omitempty"` // check name to path patterns
	Autoreconf bool                `json:"autoreconf,omitempty"` // the source has no configure yet
	OutOfTree  bool                `json:"out_of_tree,omitempty"`
	NoSysroot  bool                `json:"no_sysroot,omitempty"` // compile against the SDK (the C library itself)
	Fragments  []string            `json:"fragments,omitempty"`  // kernel configuration, merged in order
	Require    string              `json:"require,omitempty"`    // options that are asserted only
	GoMod      string              `json:"go_mod,omitempty"`     // go.mod and go.sum of a Go package
	GoSum      string              `json:"go_sum,omitempty"`
	GoRoot     string              `json:"go_root,omitempty"`  // a file of the Go SDK, two folders below its root (bin/go)
	Module     string              `json:"module,omitempty"`   // the Go module that the licence texts come from
	Binaries   map[string]string   `json:"binaries,omitempty"` // image path to Go package
	GoTags     []string            `json:"go_tags,omitempty"`
	XDefs      map[string]string   `json:"x_defs,omitempty"` // Go variable to value; {version} is the package's
	Cgo        bool                `json:"cgo,omitempty"`
	Kconfig    string              `json:"kconfig,omitempty"` // program that merges and checks it
	Epoch      int64               `json:"epoch"`             // SOURCE_DATE_EPOCH, seconds
}

// Phase is one named step: commands that run in order.
type Phase struct {
	Name     string
	Commands []Command
}

// Command is a program with arguments in a folder of the sandbox.
type Command struct {
	Dir  string
	Args []string
}

// Load reads a recipe and refuses unknown fields.
func Load(file string) (*Recipe, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.DisallowUnknownFields()
	r := new(Recipe)
	if err := d.Decode(r); err != nil {
		return nil, fmt.Errorf("reading recipe %s: %w", file, err)
	}
	return r, r.check()
}

func (r *Recipe) check() error {
	if r.Name == "" || r.Version == "" {
		return fmt.Errorf("recipe %q: name and version are required", r.Name)
	}
	if _, ok := styles[r.Style]; !ok {
		return fmt.Errorf("recipe %s: unknown build style %q (have %s)", r.Name, r.Style, strings.Join(styleNames(), ", "))
	}
	if r.Style == "custom" && r.Build == "" {
		return fmt.Errorf("recipe %s: the custom style needs a build script", r.Name)
	}
	return nil
}

// style gives the configure, build and install phases of a build system. jobs
// is how many processes may run at once.
type style func(r *Recipe, jobs int) []Phase

var styles = map[string]style{
	"autotools": autotools,
	"meson":     meson,
	"make":      makeStyle,
	"custom":    custom,
	"files":     files,
	"go":        golang,
	"kernel":    kernel,
}

func styleNames() []string {
	var names []string
	for n := range styles {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Phases returns every phase of the recipe in order.
func (r *Recipe) Phases(jobs int) []Phase {
	var all []Phase
	if len(r.Sources) > 0 && r.Style != "go" {
		all = append(all, r.unpack(), r.patch())
	}
	if r.Prepare != "" {
		all = append(all, r.script("prepare", "prepare.sh"))
	}
	all = append(all, styles[r.Style](r, jobs)...)
	if r.Finish != "" {
		all = append(all, r.script("finish", "finish.sh"))
	}
	return all
}

// workDir is where the build starts.
func (r *Recipe) workDir() string {
	if r.Subdir == "" {
		return SourceDir
	}
	return SourceDir + "/" + r.Subdir
}

func (r *Recipe) script(phase, name string) Phase {
	dir := r.workDir()
	if len(r.Sources) == 0 {
		dir = "/build"
	}
	return Phase{phase, []Command{{dir, []string{"/bin/bash", "-euo", "pipefail", InputDir + "/" + name}}}}
}

// sortedPairs joins a map as KEY + sep + VALUE in the order of the keys.
func sortedPairs(prefix string, m map[string]string) []string {
	var out []string
	for k, v := range m {
		out = append(out, prefix+k+"="+v)
	}
	sort.Strings(out)
	return out
}

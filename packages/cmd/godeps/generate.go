package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
)

// header opens the written file.
const header = `"""The Go modules of go.mod, written by ` + "`bazel run //:update`" + `."""

load("@bazel_gazelle//:deps.bzl", "go_repository")

def go_deps():
    """Declares one repository for each Go module."""
`

// repository is one go_repository: what source code imports, and the module that stands in for it.
type repository struct {
	path string         // import path of the module
	from module.Version // where it is fetched from: the same, or its replacement
	sum  string         // h1: sum of from
}

// generate returns the Starlark text for the requirements in the go.mod modText, with
// the sums from the go.sum sumText. Replacements by another module are followed;
// replacements by a folder have no pin and are an error.
func generate(name string, modText, sumText []byte) (string, error) {
	file, err := modfile.Parse(name, modText, nil)
	if err != nil {
		return "", fmt.Errorf("reading modules: %w", err)
	}
	sums := parseSums(sumText)
	var repositories []repository
	for _, require := range file.Require {
		repo := repository{path: require.Mod.Path, from: replacement(file, require.Mod)}
		if repo.from.Version == "" {
			return "", fmt.Errorf("module %s is replaced by the folder %s, which no sum can pin", repo.path, repo.from.Path)
		}
		if repo.sum = sums[repo.from]; repo.sum == "" {
			return "", fmt.Errorf("no sum of %s in go.sum: run go mod download %s", repo.from, repo.from)
		}
		repositories = append(repositories, repo)
	}
	slices.SortFunc(repositories, func(a, b repository) int {
		return strings.Compare(repositoryName(a.path), repositoryName(b.path))
	})
	text := new(strings.Builder)
	text.WriteString(header)
	if len(repositories) == 0 {
		text.WriteString("    pass\n")
	}
	for _, repo := range repositories {
		text.WriteString(repo.rule())
	}
	return text.String(), nil
}

// replacement returns what file puts in the place of required, which is required itself
// unless a replace directive names it.
func replacement(file *modfile.File, required module.Version) module.Version {
	for _, replace := range file.Replace {
		if replace.Old.Path == required.Path && (replace.Old.Version == "" || replace.Old.Version == required.Version) {
			return replace.New
		}
	}
	return required
}

// rule returns the Starlark call that declares the repository.
func (r repository) rule() string {
	replace := ""
	if r.from.Path != r.path {
		replace = fmt.Sprintf("        replace = %q,\n", r.from.Path)
	}
	return fmt.Sprintf(`    go_repository(
        name = %q,
        build_file_proto_mode = "disable_global",
        importpath = %q,
%s        sum = %q,
        version = %q,
    )
`, repositoryName(r.path), r.path, replace, r.sum, r.from.Version)
}

// parseSums returns the h1: sums of module contents in a go.sum; those of go.mod files
// alone are left out.
func parseSums(text []byte) map[module.Version]string {
	sums := map[module.Version]string{}
	for line := range strings.Lines(string(text)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && !strings.HasSuffix(fields[1], "/go.mod") {
			sums[module.Version{Path: fields[0], Version: fields[1]}] = fields[2]
		}
	}
	return sums
}

// repositoryName returns gazelle's name for the repository of an import path: the host
// name's parts in reverse, then the rest, joined by underscores.
func repositoryName(path string) string {
	host, rest, _ := strings.Cut(strings.ToLower(path), "/")
	parts := strings.Split(host, ".")
	slices.Reverse(parts)
	name := strings.Join(append(parts, rest), "_")
	return strings.TrimSuffix(strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_' {
			return r
		}
		return '_'
	}, name), "_")
}

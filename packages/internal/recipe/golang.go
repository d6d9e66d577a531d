package recipe

import (
	"sort"
	"strings"
)

// Places of a Go build in the sandbox. The modules come from a proxy in a
// folder, which packages/cmd/gomodules packed.
const (
	GoRootDir = "/tools/go"
	goDir     = "/build/main"
)

// golang builds programs of Go modules: no network, only the modules that
// go.sum names.
func golang(r *Recipe, _ int) []Phase {
	var tags []string
	if len(r.GoTags) > 0 {
		tags = []string{"-tags", strings.Join(r.GoTags, ",")}
	}
	build := Phase{Name: "build"}
	var paths []string
	for path := range r.Binaries {
		paths = append(paths, path)
	}
	sort.Strings(paths)
	for _, path := range paths {
		args := append([]string{GoRootDir + "/bin/go", "build", "-trimpath", "-buildvcs=false", "-ldflags", r.goLinkFlags()}, tags...)
		build.Commands = append(build.Commands, Command{goDir, append(args, "-o", InstallDir+"/"+path, r.Binaries[path])})
	}
	return []Phase{
		{"unpack", []Command{
			{"/build", []string{"tar", "-xf", InputDir + "/" + r.SourceName(0), "--no-same-owner"}},
			{"/build", []string{"mkdir", "-p", goDir, SourceDir}},
			{"/build", []string{"cp", InputDir + "/go.mod", InputDir + "/go.sum", goDir}},
		}},
		build,
		{"licences", []Command{{goDir, []string{"/bin/sh", "-euc",
			`dir=$(` + GoRootDir + `/bin/go list -m -f '{{.Dir}}' "$1"); cp "$dir"/LICEN[CS]E* ` + SourceDir, "licences", r.Module}}}},
	}
}

// goLinkFlags strips symbols and sets the recipe's variables. With cgo the
// system linker makes a position independent, hardened program.
func (r *Recipe) goLinkFlags() string {
	flags := []string{"-s", "-w", "-buildid="}
	for _, def := range sortedPairs("", r.XDefs) {
		flags = append(flags, "-X", "'"+strings.ReplaceAll(def, "{version}", r.Version)+"'")
	}
	if r.Cgo {
		flags = append(flags, "-linkmode=external", "-extldflags", "'"+strings.Join(linkFlags, " ")+"'")
	}
	return strings.Join(flags, " ")
}

// goEnvironment makes the go command work offline and by itself.
func (r *Recipe) goEnvironment() []string {
	env := []string{
		"GOROOT=" + GoRootDir, "GOPROXY=file:///build/proxy", "GOSUMDB=off", "GOTOOLCHAIN=local", "GOWORK=off",
		"GOFLAGS=-mod=readonly", "GOMODCACHE=/build/modules", "GOCACHE=/build/gocache", "GOENV=off", "GOTELEMETRY=off",
		"CGO_ENABLED=0",
	}
	if r.Cgo {
		env[len(env)-1] = "CGO_ENABLED=1"
		env = append(env, "GOFLAGS=-mod=readonly -buildmode=pie",
			"CGO_CFLAGS="+strings.Join(r.cflags(), " "), "CGO_LDFLAGS="+strings.Join(linkFlags, " "))
	}
	return env
}

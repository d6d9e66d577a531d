package recipe

import (
	"fmt"
	"strings"
)

// gnuDirs are the installation directories of configure scripts: one /usr, one
// library folder, configuration in /etc, state in /var.
var gnuDirs = []string{
	"--prefix=/usr", "--bindir=/usr/bin", "--sbindir=/usr/bin", "--libdir=/usr/lib",
	"--libexecdir=/usr/lib", "--sysconfdir=/etc", "--localstatedir=/var", "--runstatedir=/run",
}

// autotools is ./configure && make && make install.
func autotools(r *Recipe, jobs int) []Phase {
	dir := r.workDir()
	script := "./configure"
	var phases []Phase
	if r.Autoreconf {
		phases = append(phases, Phase{"configure", []Command{{dir, []string{"autoreconf", "-fi"}}}})
	}
	if r.OutOfTree {
		script = dir + "/configure"
		dir = ObjectDir
		phases = append(phases, Phase{"configure", []Command{{"/build", []string{"mkdir", "-p", ObjectDir}}}})
	}
	args := append([]string{"/bin/sh", script, "--build=x86_64-pc-linux-gnu", "--host=" + Target}, gnuDirs...)
	phases = append(phases, Phase{"configure", []Command{{dir, append(args, r.Configure...)}}})
	return append(phases, r.makePhases(dir, jobs)...)
}

// makeStyle is make && make install, for projects without a configure step.
func makeStyle(r *Recipe, jobs int) []Phase { return r.makePhases(r.workDir(), jobs) }

func (r *Recipe) makePhases(dir string, jobs int) []Phase {
	vars := sortedPairs("", r.Variables)
	build := append([]string{"make", fmt.Sprintf("-j%d", jobs), "-Otarget"}, vars...)
	build = append(build, r.Targets...)
	install := append([]string{"make"}, vars...)
	install = append(install, "DESTDIR="+InstallDir)
	if len(r.Install) == 0 {
		install = append(install, "install")
	}
	install = append(install, r.Install...)
	return []Phase{
		{"build", []Command{{dir, build}}},
		{"install", []Command{{dir, install}}},
	}
}

// meson is meson setup && ninja && meson install, as a cross build.
func meson(r *Recipe, jobs int) []Phase {
	dir := r.workDir()
	// meson ends with an error where its own new files are newer than the clock,
	// so the setup, and it alone, sees the real time.
	setup := []string{"env", "-u", "LD_PRELOAD", "meson", "setup", ObjectDir, dir, "--cross-file", InputDir + "/cross.ini",
		"--prefix=/usr", "--bindir=bin", "--sbindir=bin", "--libdir=lib", "--libexecdir=lib",
		"--sysconfdir=/etc", "--localstatedir=/var", "--buildtype=plain", "--wrap-mode=nodownload",
		"-Dauto_features=disabled", "-Db_pie=true"}
	setup = append(setup, sortedPairs("-D", r.Options)...)
	ninja := append([]string{"ninja", "-C", ObjectDir, fmt.Sprintf("-j%d", jobs)}, r.Targets...)
	return []Phase{
		{"configure", []Command{{"/build", setup}}},
		{"build", []Command{{"/build", ninja}}},
		{"install", []Command{{"/build", []string{"meson", "install", "-C", ObjectDir, "--no-rebuild", "--destdir", InstallDir}}}},
	}
}

// CrossFile is meson's description of the machine that is built for
// (mesonbuild.com, "Cross and Native File reference").
func (r *Recipe) CrossFile() string {
	list := func(words []string) string {
		quoted := make([]string, len(words))
		for i, w := range words {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `\'`) + "'"
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	return fmt.Sprintf(`[binaries]
c = %s
cpp = %s
ar = '%sgcc-ar'
nm = '%sgcc-nm'
strip = '%sstrip'
objcopy = '%sobjcopy'
pkg-config = 'pkg-config'

[properties]
needs_exe_wrapper = true
sys_root = '%s'
pkg_config_libdir = '%s/usr/lib/pkgconfig:%s/usr/share/pkgconfig'

[built-in options]
c_args = %s
cpp_args = %s
c_link_args = %s
cpp_link_args = %s

[host_machine]
system = 'linux'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
`, list(strings.Fields(r.compiler("gcc"))), list(strings.Fields(r.compiler("g++"))),
		Tools, Tools, Tools, Tools, Sysroot, Sysroot, Sysroot,
		list(r.cflags()), list(r.cflags()), list(linkFlags), list(linkFlags))
}

// custom runs the recipe's own script with DESTDIR, JOBS, CC and the like set.
func custom(r *Recipe, _ int) []Phase { return []Phase{r.script("build", "build.sh")} }

// files has no phases: the recipe's files and links are all there is.
func files(*Recipe, int) []Phase { return nil }

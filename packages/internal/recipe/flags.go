package recipe

import (
	"fmt"
	"strings"
)

// hardening is what every compiled file gets; packages/internal/policy checks
// the results.
var hardening = []string{
	"-fstack-protector-strong", "-fstack-clash-protection", "-fcf-protection",
	"-D_FORTIFY_SOURCE=3", "-Wformat", "-Werror=format-security",
}

var linkFlags = []string{"-Wl,-z,relro", "-Wl,-z,now", "-Wl,--as-needed", "-Wl,--build-id=none"}

// compiler is the C compiler's command line up to the flags.
func (r *Recipe) compiler(name string) string {
	if r.NoSysroot {
		return Tools + name
	}
	return Tools + name + " --sysroot=" + Sysroot
}

func (r *Recipe) cflags() []string {
	flags := []string{"-O2", "-pipe"}
	if !r.NoSysroot {
		flags = append(flags, hardening...)
	}
	flags = append(flags, "-ffile-prefix-map=/build=/usr/src/"+r.Name)
	return append(flags, r.CFlags...)
}

// Environment is the whole environment of each phase: fixed user, locale, time
// zone and time, and the names that build systems agree on.
func (r *Recipe) Environment(jobs int) []string {
	cflags := strings.Join(r.cflags(), " ")
	env := []string{
		"PATH=/usr/bin:/usr/sbin:/bin:/sbin",
		"HOME=/build", "USER=build", "LOGNAME=build", "SHELL=/bin/sh", "TERM=dumb",
		"LANG=C.UTF-8", "LC_ALL=C.UTF-8", "TZ=UTC", "TMPDIR=/tmp",
		fmt.Sprintf("SOURCE_DATE_EPOCH=%d", r.Epoch),
		"NAME=" + r.Name, "VERSION=" + r.Version,
		"DESTDIR=" + InstallDir, "SYSROOT=" + Sysroot, "TARGET=" + Target,
		fmt.Sprintf("JOBS=%d", jobs),
		"CC=" + r.compiler("gcc"), "CXX=" + r.compiler("g++"),
		"AR=" + Tools + "gcc-ar", "NM=" + Tools + "gcc-nm", "RANLIB=" + Tools + "gcc-ranlib",
		"STRIP=" + Tools + "strip", "OBJCOPY=" + Tools + "objcopy",
		"CFLAGS=" + cflags, "CXXFLAGS=" + cflags,
		"LDFLAGS=" + strings.Join(linkFlags, " "),
		"PKG_CONFIG=pkg-config",
		"PKG_CONFIG_SYSROOT_DIR=" + Sysroot,
		"PKG_CONFIG_LIBDIR=" + Sysroot + "/usr/lib/pkgconfig:" + Sysroot + "/usr/share/pkgconfig",
		"CC_FOR_BUILD=gcc", "BUILD_CC=gcc", "CFLAGS_FOR_BUILD=-O1", "BUILD_CFLAGS=-O1", "LDFLAGS_FOR_BUILD=",
	}
	if r.Style == "kernel" {
		// The kernel brings its own compiler flags; only paths are mapped.
		env = append(env, "CROSS_COMPILE="+Tools, "KBUILD_BUILD_USER=build", "KBUILD_BUILD_HOST=slipway-build",
			"KBUILD_BUILD_VERSION=1", fmt.Sprintf("KBUILD_BUILD_TIMESTAMP=@%d", r.Epoch),
			"KCFLAGS=-ffile-prefix-map=/build/=/usr/src/", "KAFLAGS=-ffile-prefix-map=/build/=/usr/src/")
	}
	if r.Style == "go" {
		env = append(env, r.goEnvironment()...)
	}
	env = append(env, r.clock()...)
	return append(env, sortedPairs("", r.Env)...)
}

// clock stops the wall clock that programs see at SOURCE_DATE_EPOCH, through
// the SDK's libfaketime. File times and the monotonic clock stay real: make
// and ninja compare the one, time-outs use the other.
func (r *Recipe) clock() []string {
	return []string{
		"LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1",
		"FAKETIME_FMT=%s", fmt.Sprintf("FAKETIME=%d", r.Epoch),
		"NO_FAKE_STAT=1", "FAKETIME_DONT_FAKE_MONOTONIC=1", "FAKETIME_DISABLE_SHM=1", "FAKE_UTIME=0",
	}
}

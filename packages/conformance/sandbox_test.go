// Package conformance proves, with the real SDK, that a package's build sees
// what its recipe declares and nothing else. Each case has a control: the same
// script with the thing declared succeeds, so that a refusal means something.
package conformance

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/packages/internal/layer"
	"github.com/slipway-os/slipway/packages/internal/recipe"
)

const epoch = 1795132800

// build runs script as a custom package and returns pkgbuild's error and all
// that it and the build printed.
func build(t *testing.T, script string, edit func(*recipe.Recipe)) (string, error) {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "build.sh")
	text := "set -euo pipefail\ninstall -d \"$DESTDIR/usr/share/probe\"\n: > \"$DESTDIR/usr/share/probe/ok\"\n" + script
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r := &recipe.Recipe{Name: "probe", Version: "1", Style: "custom", License: "Apache-2.0", Build: file, Epoch: epoch}
	if edit != nil {
		edit(r)
	}
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	recipeFile := filepath.Join(dir, "recipe.json")
	if err := os.WriteFile(recipeFile, data, 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(requireEnv(t, "PKGBUILD"), "build",
		"--sdk", requireEnv(t, "SDK"), "--sdk-id", requireEnv(t, "SDK_ID"),
		"--recipe", recipeFile, "--log", filepath.Join(dir, "log"),
		"--runtime", filepath.Join(dir, "runtime.tar"), "--devel", filepath.Join(dir, "devel.tar"))
	cmd.Env = append(os.Environ(), "HOST_SECRET=leaked", "PATH="+dir+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	return string(out) + string(log), err
}

func requireEnv(t *testing.T, name string) string {
	t.Helper()
	v := os.Getenv(name)
	if v == "" {
		t.Fatalf("%s is not set; run this test by bazel test //packages/conformance:all", name)
	}
	abs, err := filepath.Abs(v)
	if err != nil {
		t.Fatal(err)
	}
	return abs
}

func mustBuild(t *testing.T, script string, edit func(*recipe.Recipe)) {
	t.Helper()
	if out, err := build(t, script, edit); err != nil {
		t.Fatalf("building: %v\n%s", err, out)
	}
}

func mustFail(t *testing.T, script, want string, edit func(*recipe.Recipe)) {
	t.Helper()
	out, err := build(t, script, edit)
	if err == nil {
		t.Fatalf("the build succeeded, want it to fail with %q", want)
	}
	if !strings.Contains(out, want) {
		t.Fatalf("the build failed without %q:\n%s", want, out)
	}
}

func TestUndeclaredTool(t *testing.T) {
	dir := t.TempDir()
	tool := filepath.Join(dir, "hosttool")
	if err := os.WriteFile(tool, []byte("#!/bin/sh\nexit 0\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	mustBuild(t, "awk 'BEGIN { exit 0 }'\n", nil)
	mustFail(t, "hosttool\n", "hosttool: command not found", nil)
	mustFail(t, tool+"\n", "No such file or directory", nil)
}

func TestUndeclaredHeader(t *testing.T) {
	const script = "printf '#include <declared.h>\\nint x = DECLARED;\\n' > t.c\n$CC -c t.c\n"
	mustFail(t, script, "declared.h: No such file or directory", nil)

	dir := t.TempDir()
	header := filepath.Join(dir, "usr/include/declared.h")
	if err := os.MkdirAll(filepath.Dir(header), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(header, []byte("#define DECLARED 1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	entries, err := layer.List(dir)
	if err != nil {
		t.Fatal(err)
	}
	devel := filepath.Join(t.TempDir(), "declared.tar")
	if err := layer.Write(devel, entries, epoch); err != nil {
		t.Fatal(err)
	}
	mustBuild(t, script, func(r *recipe.Recipe) { r.Layers = []string{devel} })
	// A header of the SDK's own, for its build tools, is not one of the target.
	mustFail(t, "printf '#include <libelf.h>\\n' > t.c\n$CC -c t.c\n", "libelf.h: No such file or directory", nil)
}

func TestNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	reached := make(chan bool, 1)
	go func() {
		if c, err := l.Accept(); err == nil {
			c.Close()
			reached <- true
		}
	}()
	port := l.Addr().(*net.TCPAddr).Port
	mustFail(t, fmt.Sprintf("exec 3<>/dev/tcp/127.0.0.1/%d\n", port), "Network is unreachable", nil)
	select {
	case <-reached:
		t.Error("the build reached a server on the host")
	default:
	}
	mustBuild(t, "test \"$(ls /sys 2>/dev/null | wc -l)\" = 0\n", nil)
}

func TestHostIdentity(t *testing.T) {
	mustBuild(t, `test "$(uname -n)" = slipway-build
test "$(id -u)" = 1000
test "$(id -un)" = build
test "$(umask)" = 0022
test "$PWD" = /build
test "$LC_ALL" = C.UTF-8
test -z "${HOST_SECRET-}"
`, nil)
}

func TestClock(t *testing.T) {
	mustBuild(t, fmt.Sprintf(`test "$(date +%%s)" = %d
test "$(python3 -c 'import time; print(int(time.time()))')" = %d
printf 'const char *d = __DATE__;' > t.c
$CC -E t.c | grep -q 'Nov 20 2026'
`, epoch, epoch), nil)
}

func TestHostFiles(t *testing.T) {
	dir := t.TempDir()
	marker := filepath.Join(dir, "marker")
	if err := os.WriteFile(marker, []byte("host"), 0o644); err != nil {
		t.Fatal(err)
	}
	mustFail(t, "cat "+marker+"\n", "No such file or directory", nil)
	mustFail(t, ": > /usr/bin/planted\n", "Read-only file system", nil)
	mustFail(t, ": > /sysroot/planted\n", "Read-only file system", nil)
	// Nothing but the SDK, /proc, /dev and the declared folders is mounted.
	out, err := build(t, "cut -d' ' -f5 /proc/self/mountinfo | sort\nexit 7\n", nil)
	if err == nil {
		t.Fatal("the build succeeded, want status 7")
	}
	for _, line := range strings.Split(out, "\n") {
		if !strings.HasPrefix(line, "/") || strings.Contains(line, ":") {
			continue
		}
		top, _, _ := strings.Cut(line[1:], "/")
		switch top {
		case "", "build", "dev", "out", "proc", "run", "src", "sysroot", "tmp":
		default:
			t.Errorf("the build sees the mount %s", line)
		}
	}
}

func TestProcesses(t *testing.T) {
	mustBuild(t, "test \"$(ls -d /proc/[0-9]* | wc -l)\" -lt 12\n", nil)
}

func TestPolicy(t *testing.T) {
	mustFail(t, "install -m 4755 /usr/bin/true \"$DESTDIR/usr/bin/true\" 2>/dev/null || { install -d \"$DESTDIR/usr/bin\"; install -m 4755 /usr/bin/true \"$DESTDIR/usr/bin/true\"; }\n",
		`check "setuid"`, nil)
	mustFail(t, "install -D /usr/bin/true \"$DESTDIR/usr/bin/true\"\n", `needs libc.so.6, which neither this package nor its deps hold`, nil)
	mustFail(t, "echo /build/src/leak > \"$DESTDIR/usr/share/probe/ok\"\n", `check "build-path"`, nil)
	mustFail(t, "install -d \"$DESTDIR/var/lib/x\"; : > \"$DESTDIR/var/lib/x/state\"\n", `check "layout"`, nil)
}

func TestSameBytes(t *testing.T) {
	const script = "head -c 64 /dev/zero > \"$DESTDIR/usr/share/probe/zero\"\ndate > \"$DESTDIR/usr/share/probe/date\"\n"
	var first []byte
	for range 2 {
		dir := t.TempDir()
		out := ""
		_, err := build(t, script, func(r *recipe.Recipe) { out = filepath.Join(filepath.Dir(r.Build), "runtime.tar") })
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(out)
		if err != nil {
			t.Fatal(err, dir)
		}
		if first == nil {
			first = data
		} else if !bytes.Equal(first, data) {
			t.Error("two builds of one recipe differ")
		}
	}
}

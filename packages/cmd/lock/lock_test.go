package main

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/packages/internal/archive"
	"github.com/slipway-os/slipway/packages/internal/archive/archivetest"
	"github.com/slipway-os/slipway/packages/internal/lockfile"
)

// workspace makes a list of packages and lets run find the fake archive.
func workspace(t *testing.T, list string) (fake *archivetest.Archive, dir string) {
	t.Helper()
	fake = archivetest.New(t, archive.Suites...)
	t.Setenv("DEBIAN_MIRROR", fake.URL)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	root := t.TempDir()
	t.Setenv("BUILD_WORKSPACE_DIRECTORY", root)
	dir = filepath.Join(root, "packages", "sdk")
	err := errors.Join(os.MkdirAll(dir, 0o755), os.WriteFile(filepath.Join(dir, "sdk.packages"), []byte(list), 0o644))
	if err != nil {
		t.Fatal(err)
	}
	return fake, dir
}

func TestLock(t *testing.T) {
	fake, dir := workspace(t, "# compilers\ngcc # the one\n\nmake\n")
	fake.Publish("trixie", fake.Binary("gcc", "14-1", "Depends: libc (>= 2)")+fake.Binary("make", "4-1")+
		fake.Binary("libc", "2-1")+fake.Binary("other", "1-1"), "")
	fake.Publish("trixie-security", fake.Binary("libc", "2-1+deb13u1"), "")
	var out bytes.Buffer
	if err := run(t.Context(), []string{"--keyring", fake.Keyring}, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "3 packages") {
		t.Errorf("it says %q", out.String())
	}
	first, err := os.ReadFile(filepath.Join(dir, "sdk.lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	lock, err := lockfile.Parse(bytes.NewReader(first))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, p := range lock.Packages {
		got = append(got, p.Name+" "+p.Version)
	}
	if diff := cmp.Diff([]string{"gcc 14-1", "libc 2-1+deb13u1", "make 4-1"}, got); diff != "" {
		t.Error(diff)
	}
	if err := run(t.Context(), []string{"--keyring", fake.Keyring}, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	again, err := os.ReadFile(filepath.Join(dir, "sdk.lock.json"))
	if diff := cmp.Diff(string(first), string(again)); err != nil || diff != "" {
		t.Errorf("the same indexes gave another lock: %v\n%s", err, diff)
	}
}

func TestLockKeepsTheOldOneOnFailure(t *testing.T) {
	fake, dir := workspace(t, "gcc nosuch")
	fake.Publish("trixie", fake.Binary("gcc", "14-1", "Depends: libc"), "")
	path := filepath.Join(dir, "sdk.lock.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	err := run(t.Context(), []string{"--keyring", fake.Keyring}, io.Discard, io.Discard)
	for _, want := range []string{`there is no package "nosuch"`, `package gcc 14-1: nothing satisfies "libc"`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("lock: %v, want %q", err, want)
		}
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "old" {
		t.Errorf("the lock has changed: %q, %v", data, err)
	}
}

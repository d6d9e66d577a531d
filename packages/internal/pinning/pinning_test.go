package pinning

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/packages/internal/archive"
	"github.com/slipway-os/slipway/packages/internal/archive/archivetest"
	"github.com/slipway-os/slipway/packages/internal/pins"
)

// workspace makes an empty table and lets run find the fake archive.
func workspace(t *testing.T) (fake *archivetest.Archive, table string) {
	t.Helper()
	fake = archivetest.New(t, archive.Suites...)
	t.Setenv("DEBIAN_MIRROR", fake.URL)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	dir := t.TempDir()
	t.Setenv("BUILD_WORKSPACE_DIRECTORY", dir)
	table = filepath.Join(dir, "packages", "sources.bzl")
	if err := errors.Join(os.Mkdir(filepath.Dir(table), 0o755), os.WriteFile(table, []byte("SOURCES = {}\n"), 0o644)); err != nil {
		t.Fatal(err)
	}
	return fake, table
}

// pin runs the command pin with the fake archive's key.
func pin(t *testing.T, fake *archivetest.Archive, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Pin(t.Context(), append([]string{"--keyring", fake.Keyring}, args...), &out, io.Discard)
	return out.String(), err
}

// outdated runs the command outdated with the fake archive's key.
func outdated(t *testing.T, fake *archivetest.Archive) (string, error) {
	t.Helper()
	var out bytes.Buffer
	err := Outdated(t.Context(), []string{"--keyring", fake.Keyring}, &out, io.Discard)
	return out.String(), err
}

func TestPinAddsAndRenews(t *testing.T) {
	fake, path := workspace(t)
	fake.Publish("trixie", "", fake.Source("libzstd", "1.0-1", "pool/main/libz/libzstd", "libzstd_1.0.orig.tar.xz")+
		fake.Source("attr", "1:2.0-1", "pool/main/a/attr", "attr_2.0.orig.tar.xz"))
	out, err := pin(t, fake, "zstd=libzstd", "attr")
	if err != nil {
		t.Fatal(err)
	}
	if want := "zstd: new, 1.0-1\nattr: new, 1:2.0-1\n"; out != want {
		t.Errorf("it says %q, want %q", out, want)
	}
	fake.Publish("trixie-security", "", fake.Source("libzstd", "1.0-1+deb13u1", "pool/updates/main/libz/libzstd", "libzstd_1.0.orig.tar.xz"))
	if out, err = pin(t, fake, "zstd"); err != nil {
		t.Fatal(err)
	}
	if want := "zstd: 1.0-1+deb13u1, was 1.0-1\n"; out != want {
		t.Errorf("it says %q, want %q", out, want)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	table, err := pins.Parse(path, data)
	if err != nil {
		t.Fatal(err)
	}
	got := table.Pins["zstd"]
	if got.Source != "libzstd" || got.Version != "1.0" || got.Files[0].Path != "pool/updates/main/libz/libzstd/libzstd_1.0.orig.tar.xz" {
		t.Errorf("the pin is %+v", got)
	}
	if len(table.Pins) != 2 {
		t.Errorf("the table has %d pins, want 2", len(table.Pins))
	}
}

func TestPinTakesWhatTheMirrorHas(t *testing.T) {
	fake, _ := workspace(t)
	fake.Publish("trixie", "", fake.Source("a", "1-1", "pool/main/a", "a_1.orig.tar.xz"))
	fake.Publish("trixie-security", "", fake.Source("a", "2-1", "pool/updates/main/a", "a_2.orig.tar.xz"))
	fake.Remove("pool/updates/main/a/a_2.orig.tar.xz")
	var stderr bytes.Buffer
	var out bytes.Buffer
	if err := Pin(t.Context(), []string{"--keyring", fake.Keyring, "a"}, &out, &stderr); err != nil {
		t.Fatal(err)
	}
	if out.String() != "a: new, 1-1\n" || !strings.Contains(stderr.String(), "a 2-1 is in the index, but no mirror has pool/updates/main/a/a_2.orig.tar.xz") {
		t.Errorf("it says %q and warns %q", out.String(), stderr.String())
	}
	// Where no version can be had, the newest is the one to wait for.
	fake.Remove("pool/main/a/a_1.orig.tar.xz")
	if text, err := pin(t, fake, "a"); err != nil || text != "a: 2-1, was 1-1\n" {
		t.Errorf("it says %q, %v", text, err)
	}
}

func TestPinTrustsTheLockedKeyring(t *testing.T) {
	fake, table := workspace(t)
	fake.Publish("trixie", "", fake.Source("a", "1-1", "pool/main/a", "a_1.orig.tar.xz"))
	lock, err := fake.KeyringPackage().Format()
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(filepath.Dir(table), "sdk")
	if err := errors.Join(os.Mkdir(dir, 0o755), os.WriteFile(filepath.Join(dir, "sdk.lock.json"), lock, 0o644)); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := Pin(t.Context(), []string{"a"}, &out, io.Discard); err != nil || out.String() != "a: new, 1-1\n" {
		t.Errorf("it says %q, %v", out.String(), err)
	}
}

func TestPinOfAnUnknownSource(t *testing.T) {
	fake, path := workspace(t)
	_, err := pin(t, fake, "zstd")
	if err == nil || !strings.Contains(err.Error(), `no source package "zstd"`) || !strings.Contains(err.Error(), "pin zstd=SOURCE") {
		t.Errorf("pin: %v", err)
	}
	if data, err := os.ReadFile(path); err != nil || string(data) != "SOURCES = {}\n" {
		t.Errorf("the table has changed: %q, %v", data, err)
	}
}

func TestPinNeedsAName(t *testing.T) {
	fake, _ := workspace(t)
	if _, err := pin(t, fake); err == nil || !strings.Contains(err.Error(), "name at least one source") {
		t.Errorf("pin: %v", err)
	}
}

func TestOutdated(t *testing.T) {
	fake, _ := workspace(t)
	a := fake.Source("a", "1-1", "pool/main/a", "a_1.orig.tar.xz")
	b := fake.Source("b", "1-1", "pool/main/b", "b_1.orig.tar.xz")
	c := fake.Source("c", "1-1", "pool/main/c", "c_1.orig.tar.xz")
	fake.Publish("trixie", "", a+b+c)
	if _, err := pin(t, fake, "a", "b", "c"); err != nil {
		t.Fatal(err)
	}
	out, err := outdated(t, fake)
	if err != nil || out != "all 3 pins are the archive's newest\n" {
		t.Errorf("outdated: %q, %v", out, err)
	}

	fake.Publish("trixie-security", "", fake.Source("b", "1-1+deb13u1", "pool/updates/main/b", "b_1.orig.tar.xz"))
	fake.Remove("pool/main/c/c_1.orig.tar.xz")
	out, err = outdated(t, fake)
	if !errors.Is(err, ErrOutdated) {
		t.Errorf("outdated: %v, want ErrOutdated", err)
	}
	want := "PIN  PINNED  ARCHIVE      MISSING\n" +
		"b    1-1     1-1+deb13u1  \n" +
		"c    1-1     1-1          pool/main/c/c_1.orig.tar.xz\n"
	if out != want {
		t.Errorf("outdated says\n%s, want\n%s", out, want)
	}
}

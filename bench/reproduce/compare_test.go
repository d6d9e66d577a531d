package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func write(t *testing.T, dir, name, text string) {
	t.Helper()
	file := filepath.Join(dir, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestCompare(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	for _, dir := range []string{a, b} {
		write(t, dir, "packages/zlib/zlib.runtime.tar", "layer")
		write(t, dir, "packages/zlib/zlib.log", dir) // logs may differ
	}
	write(t, a, "image/disk.img", "one")
	write(t, b, "image/disk.img", "two")
	write(t, b, "image/root.erofs", "more")
	before, err := sums(a)
	if err != nil {
		t.Fatal(err)
	}
	after, err := sums(b)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if compare(&out, before, after) {
		t.Error("different outputs are called the same")
	}
	if want := "3 files, 2 different\n"; !strings.HasSuffix(out.String(), want) {
		t.Errorf("got %q, want it to end with %q", out.String(), want)
	}
	out.Reset()
	if !compare(&out, before, before) {
		t.Errorf("the same outputs are called different:\n%s", out.String())
	}
}

func TestSumsOfNothing(t *testing.T) {
	if _, err := sums(t.TempDir()); err == nil {
		t.Error("an empty folder gave no error")
	}
}

package main

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	modules, err := parse([]byte(`{"Path":"b","Version":"v1.0.0"}{"Path":"a","Version":"v1.0.0"}`))
	if err != nil {
		t.Fatal(err)
	}
	if modules[0].Path != "a" {
		t.Errorf("got %q first, want the modules sorted", modules[0].Path)
	}
	if _, err := parse([]byte(`{"Path":"a","Version":"v1","Error":"checksum mismatch"}`)); err == nil || !strings.Contains(err.Error(), "a@v1: checksum mismatch") {
		t.Errorf("got %v, want the module and its error", err)
	}
	if _, err := parse([]byte(`{`)); err == nil {
		t.Error("a torn answer gave no error")
	}
}

func TestNewLines(t *testing.T) {
	if got := newLines("a\nb\n", "a\nc\nb\n"); !slices.Equal(got, []string{"c"}) {
		t.Errorf("got %q, want [c]", got)
	}
}

func TestWrite(t *testing.T) {
	cache := filepath.Join(t.TempDir(), "cache", "download", "example.com", "m", "@v")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		t.Fatal(err)
	}
	m := module{Path: "example.com/m", Version: "v1.2.3", Zip: filepath.Join(cache, "v1.2.3.zip"), GoMod: filepath.Join(cache, "v1.2.3.mod")}
	for _, file := range []string{m.Zip, m.GoMod} {
		if err := os.WriteFile(file, []byte(filepath.Base(file)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if err := write(&out, []module{m}); err != nil {
		t.Fatal(err)
	}
	var names []string
	r := tar.NewReader(&out)
	for {
		h, err := r.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, h.Name)
	}
	want := []string{"proxy/example.com/m/@v/v1.2.3.info", "proxy/example.com/m/@v/v1.2.3.mod", "proxy/example.com/m/@v/v1.2.3.zip"}
	if !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
}

func TestPackWithoutArguments(t *testing.T) {
	if err := pack(t.Context(), options{}); err == nil {
		t.Error("no arguments gave no error")
	}
}

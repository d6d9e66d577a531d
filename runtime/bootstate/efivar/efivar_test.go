package efivar

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// selected is LoaderEntrySelected as efivarfs showed it in a virtual machine:
// attributes (not non-volatile), then UTF-16LE.
const selected = "\x06\x00\x00\x00s\x00_\x001\x00.\x00e\x00f\x00i\x00\x00\x00"

func TestVariables(t *testing.T) {
	f := FS{t.TempDir()}
	if err := os.WriteFile(f.path(Selected), []byte(selected), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := f.Get(Selected); got != "s_1.efi" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
	if got, err := f.Get(OneShot); got != "" || err != nil {
		t.Errorf("Get of none = %q, %v", got, err)
	}
	for _, value := range []string{"slipway_1.0.0_01234567.efi", "shorter.efi", "ü.efi", "", ""} {
		if err := f.Set(OneShot, value); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Get(OneShot); got != value || err != nil {
			t.Errorf("after Set(%q): %q, %v", value, got, err)
		}
	}
	if err := f.Set(OneShot, "s"); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(f.Dir, "LoaderEntryOneShot-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"))
	if string(b) != "\x07\x00\x00\x00s\x00\x00\x00" || err != nil {
		t.Errorf("file %q, %v", b, err)
	}
}

// The flash of the firmware wears out.
func TestSetWritesOnlyChanges(t *testing.T) {
	f := FS{t.TempDir()}
	if err := f.Set(Default, "a.efi"); err != nil {
		t.Fatal(err)
	}
	// Attributes that Set would not write show whether it did.
	mark := append([]byte{0x17}, encode("a.efi")[1:]...)
	if err := os.WriteFile(f.path(Default), mark, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := f.Set(Default, "a.efi"); err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(f.path(Default)); string(b) != string(mark) || err != nil {
		t.Errorf("it was written again: %q, %v", b, err)
	}
}

func TestNoVariables(t *testing.T) {
	f := FS{filepath.Join(t.TempDir(), "none")}
	if got, err := f.Get(Default); got != "" || err != nil {
		t.Errorf("Get = %q, %v", got, err)
	}
	if err := f.Set(Default, "a.efi"); !errors.Is(err, ErrNone) {
		t.Errorf("Set: %v", err)
	}
	if err := f.Set(Default, ""); err != nil {
		t.Errorf("deleting what cannot be there: %v", err)
	}
}

func TestDamaged(t *testing.T) {
	for _, content := range []string{"", "\x07\x00\x00", "\x07\x00\x00\x00s", strings.Repeat("x", maxSize+2)} {
		f := FS{t.TempDir()}
		if err := os.WriteFile(f.path(Default), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := f.Get(Default); err == nil {
			t.Errorf("%.10q is read as %q", content, got)
		}
		if err := f.Set(Default, "a.efi"); err != nil {
			t.Errorf("it cannot be replaced: %v", err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(selected))
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := decode(b)
		if err != nil {
			return
		}
		if again, err := decode(encode(s)); err == nil && again != s {
			t.Errorf("%q is written and read as %q", s, again)
		}
	})
}

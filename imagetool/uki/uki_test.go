package uki_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/uki"
)

func parts() uki.Parts {
	return uki.Parts{
		Stub: fixture.Stub(uki.X86_64), Kernel: fixture.Kernel(uki.X86_64),
		OSRelease: []byte(fixture.OSRelease), Cmdline: "root=/dev/dm-0 ro", Uname: fixture.KernelVersion,
	}
}

func build(t testing.TB, p uki.Parts) ([]byte, *uki.File) {
	t.Helper()
	data, err := uki.Build(p)
	if err != nil {
		t.Fatal(err)
	}
	f, err := uki.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	return data, f
}

func TestSections(t *testing.T) {
	p := parts()
	_, f := build(t, p)
	var names []string
	end := uint32(0)
	for _, s := range f.Sections {
		names = append(names, s.Name)
		if s.VirtualAddress < end || s.VirtualAddress%4096 != 0 {
			t.Errorf("section %s is at %#x, the one before ends at %#x", s.Name, s.VirtualAddress, end)
		}
		if s.RawOffset%512 != 0 || s.RawSize%512 != 0 {
			t.Errorf("section %s is not aligned in the file", s.Name)
		}
		end = s.VirtualAddress + s.VirtualSize
	}
	if diff := cmp.Diff([]string{".text", ".sdmagic", ".osrel", ".cmdline", ".uname", ".linux", ".crc32c"}, names); diff != "" {
		t.Errorf("sections (-want +got):\n%s", diff)
	}
	if at := f.Sections[5].RawOffset; at%4096 != 0 {
		t.Errorf("the kernel lies at byte %d, want a multiple of 4096", at)
	}
	for name, want := range map[string][]byte{".osrel": p.OSRelease, ".cmdline": []byte(p.Cmdline), ".uname": []byte(p.Uname), ".linux": p.Kernel} {
		if got, err := f.Content(name); err != nil || !bytes.Equal(got, want) {
			t.Errorf("section %s has not the bytes put in (%v)", name, err)
		}
	}
	if f.Checksum() != f.ComputeChecksum() {
		t.Errorf("CheckSum is %#x, want %#x", f.Checksum(), f.ComputeChecksum())
	}
	if d := f.Check(); len(d) != 0 {
		t.Errorf("damage in a new file: %v", d)
	}
}

func TestStubKeepsItsBytes(t *testing.T) {
	p := parts()
	stub, err := uki.Parse(p.Stub)
	if err != nil {
		t.Fatal(err)
	}
	_, f := build(t, p)
	for i, s := range stub.Sections {
		got := f.Sections[i]
		if got.VirtualAddress != s.VirtualAddress || got.VirtualSize != s.VirtualSize {
			t.Errorf("section %s moved in memory", s.Name)
		}
		want, _ := stub.Content(s.Name)
		if have, _ := f.Content(s.Name); !bytes.Equal(want, have) {
			t.Errorf("section %s changed", s.Name)
		}
	}
}

// TestCheckFindsEveryByte flips each byte and asks for damage that holds it.
func TestCheckFindsEveryByte(t *testing.T) {
	data, _ := build(t, parts())
	for at := range data {
		data[at] ^= 0x01
		f, err := uki.Parse(data)
		if err == nil && !covers(f.Check(), at) {
			t.Errorf("byte %d: damage is %v", at, f.Check())
		}
		data[at] ^= 0x01
	}
}

func covers(all []uki.Damage, at int) bool {
	for _, d := range all {
		if d.Offset <= at && at < d.Offset+d.Length {
			return true
		}
	}
	return false
}

func TestBuildErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(*uki.Parts)
		want   string
	}{
		{"no stub", func(p *uki.Parts) { p.Stub = nil }, "stub: not a 64-bit PE file"},
		{"kernel of another machine", func(p *uki.Parts) { p.Kernel = fixture.Kernel(uki.ARM64) }, "kernel is for aarch64"},
		{"kernel without EFI stub", func(p *uki.Parts) { p.Kernel = []byte("ELF") }, "CONFIG_EFI_STUB"},
		{"truncated stub", func(p *uki.Parts) { p.Stub = p.Stub[:3000] }, "is it truncated?"},
		{"signed stub", func(p *uki.Parts) { p.Stub[0x40+24+112+4*8+4] = 1 }, "stub is signed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := parts()
			tt.change(&p)
			if _, err := uki.Build(p); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestKernelRelease(t *testing.T) {
	kernel := fixture.Kernel(uki.X86_64)
	if got, err := uki.KernelRelease(kernel); err != nil || got != fixture.KernelVersion {
		t.Errorf("release is %q (%v), want %q", got, err, fixture.KernelVersion)
	}
	kernel[0x20f] = 0xff
	if _, err := uki.KernelRelease(kernel); err == nil {
		t.Error("no error for a version beyond the end")
	}
	if got, err := uki.KernelRelease([]byte("not a bzImage")); got != "" || err != nil {
		t.Errorf("release of something else is %q (%v)", got, err)
	}
}

func FuzzParse(f *testing.F) {
	data, err := uki.Build(parts())
	if err != nil {
		f.Fatal(err)
	}
	f.Add(data)
	f.Add(fixture.Stub(uki.ARM64))
	f.Fuzz(func(t *testing.T, data []byte) {
		uki.KernelRelease(data)
		pe, err := uki.Parse(data)
		if err != nil {
			if pe != nil && errors.Is(err, uki.ErrNotPE) {
				t.Error("a file together with ErrNotPE")
			}
			return
		}
		for _, s := range pe.Sections {
			pe.Content(s.Name)
		}
		pe.Check()
		pe.Signed()
		p := parts()
		p.Stub = data
		uki.Build(p)
	})
}

package assemble_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/verify"
)

func options(t *testing.T) assemble.Options {
	t.Helper()
	o, err := fixture.Options(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func digest(t *testing.T, path string) [32]byte {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return sha256.Sum256(data)
}

func TestSameInputsGiveSameBytes(t *testing.T) {
	a, b := options(t), options(t)
	for _, o := range []assemble.Options{a, b} {
		if _, err := assemble.Image(context.Background(), o); err != nil {
			t.Fatal(err)
		}
	}
	files := []string{"disk.img", "artifacts/root.erofs", "artifacts/root.verity", "artifacts/root.frames",
		"artifacts/root.index", "artifacts/uki.frames", "artifacts/uki.index", "artifacts/uki.efi", "artifacts/image.json"}
	for _, f := range files {
		if digest(t, filepath.Join(filepath.Dir(a.Output), f)) != digest(t, filepath.Join(filepath.Dir(b.Output), f)) {
			t.Errorf("%s differs between two builds", f)
		}
	}
}

func TestBuiltImageIsGood(t *testing.T) {
	o := options(t)
	facts, err := assemble.Image(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(o.Output)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	result, err := verify.Image(f, facts.Disk.Size)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range result.Problems {
		t.Error(p)
	}
	got := map[string]string{}
	for _, p := range facts.Partitions {
		got[p.Label] = p.Content
	}
	want := map[string]string{"ESP": "fat32", "ROOT-A": "erofs", "HASH-A": "verity", "ROOT-B": "empty", "HASH-B": "empty", "STATE": "ext4"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("contents (-want +got):\n%s", diff)
	}
	if facts.Kernel != fixture.KernelVersion {
		t.Errorf("kernel is %q, want %q", facts.Kernel, fixture.KernelVersion)
	}
}

// TestArtefactsBelongTogether reads the root file system out of its frames.
func TestArtefactsBelongTogether(t *testing.T) {
	o := options(t)
	facts, err := assemble.Image(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for name, a := range facts.Artifacts {
		data, err := os.ReadFile(filepath.Join(o.Artifacts, name))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:]) != a.SHA256 || int64(len(data)) != a.Size {
			t.Errorf("image.json is wrong about %s", name)
		}
		files[name] = data
	}
	x, err := blocks.ParseIndex(files["root.index"])
	if err != nil {
		t.Fatal(err)
	}
	if x.Root.String() != facts.RootHash || x.Salt != assemble.Salt || x.Size != int64(len(files["root.erofs"])) {
		t.Errorf("index is of %d bytes with root hash %s", x.Size, x.Root)
	}
	leaves, err := blocks.ReadLeaves(bytes.NewReader(files["root.verity"]), x.Salt, facts.DataBlocks)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(leaves, x.Leaves); diff != "" {
		t.Errorf("leaves (-hash tree +index):\n%s", diff)
	}
	u, err := blocks.ParseIndex(files["uki.index"])
	if err != nil {
		t.Fatal(err)
	}
	if u.Root.String() != facts.Artifacts["uki.efi"].SHA256 {
		t.Errorf("uki.index is of a file with SHA-256 %s, want %s", u.Root, facts.Artifacts["uki.efi"].SHA256)
	}
	for frames, whole := range map[string]string{"root.frames": "root.erofs", "uki.frames": "uki.efi"} {
		z, err := zstd.NewReader(bytes.NewReader(files[frames]))
		if err != nil {
			t.Fatal(err)
		}
		defer z.Close()
		if got, err := io.ReadAll(z); err != nil || !bytes.Equal(got, files[whole]) {
			t.Errorf("%s gives other bytes than %s, error %v", frames, whole, err)
		}
	}
}

func TestBuildErrors(t *testing.T) {
	tests := []struct {
		name   string
		change func(t *testing.T, o *assemble.Options)
		want   string
	}{
		{"version differs from os-release", func(t *testing.T, o *assemble.Options) { o.Version = "0.2.0" }, `VERSION_ID="0.1.0"`},
		{"kernel without EFI stub", func(t *testing.T, o *assemble.Options) { write(t, o.Kernel, "not a kernel") }, "CONFIG_EFI_STUB"},
		{"stub is no PE file", func(t *testing.T, o *assemble.Options) { write(t, o.Stub, "MZ") }, "not a 64-bit PE file"},
		{"no boot loader", func(t *testing.T, o *assemble.Options) { o.Bootloader += ".none" }, "reading boot loader"},
		{"no root file system", func(t *testing.T, o *assemble.Options) { o.Rootfs = nil }, "no root file system"},
		{"command line too long", func(t *testing.T, o *assemble.Options) { o.Cmdline = strings.Repeat("x", 2000) }, "the kernel takes 2047"},
		{"command line with a newline", func(t *testing.T, o *assemble.Options) { o.Cmdline = "a\nb" }, "printable"},
		{"id that does not fit a file name", func(t *testing.T, o *assemble.Options) {
			write(t, o.OSRelease, "ID=a_b\nVERSION_ID=0.1.0\n")
		}, `ID="a_b"`},
		{"root too full", func(t *testing.T, o *assemble.Options) {
			write(t, o.Layout, strings.Replace(fixture.Layout, "[root]", "[budget]\nlimit-percent = 20\n[root]", 1))
		}, `partition "ROOT-A" would be`},
		{"truncated root file system", func(t *testing.T, o *assemble.Options) {
			if err := os.Truncate(o.Rootfs[0], 100_000); err != nil {
				t.Fatal(err)
			}
		}, "truncated"},
		{"two layers with one path", func(t *testing.T, o *assemble.Options) {
			o.Rootfs = append(o.Rootfs, o.Rootfs[0])
		}, "both claim"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := options(t)
			tt.change(t, &o)
			_, err := assemble.Image(context.Background(), o)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("error is %v, want one with %q", err, tt.want)
			}
			if _, err := os.Stat(o.Output); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("a failed build left %s", o.Output)
			}
			left, _ := filepath.Glob(filepath.Join(filepath.Dir(o.Output), ".disk*"))
			if len(left) > 0 {
				t.Errorf("a failed build left %v", left)
			}
		})
	}
}

func write(t *testing.T, path, data string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(data), 0o644); err != nil {
		t.Fatal(err)
	}
}

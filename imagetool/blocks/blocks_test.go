package blocks_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/klauspost/compress/zstd"

	"github.com/slipway-os/slipway/imagetool/blocks"
	"github.com/slipway-os/slipway/imagetool/verity"
)

var (
	salt = blocks.Salt(sha256.Sum256([]byte("salt")))
	root = verity.RootHash(sha256.Sum256([]byte("root")))
)

// sample is text, noise, zeros and a short last block.
func sample() []byte {
	var b bytes.Buffer
	for i := range 80_000 {
		fmt.Fprintf(&b, "%d times of %d\n", i, i%7)
	}
	for i := range 5000 {
		sum := sha256.Sum256([]byte(fmt.Sprint(i)))
		b.Write(sum[:])
	}
	b.Write(make([]byte, 10*blocks.BlockSize))
	b.WriteString("the end")
	return b.Bytes()
}

func write(t testing.TB, data []byte, frameBlocks int) (*blocks.Index, []byte) {
	t.Helper()
	var out bytes.Buffer
	x, err := blocks.Write(&out, bytes.NewReader(data), blocks.Options{
		Size: int64(len(data)), Salt: salt, Root: root, FrameBlocks: frameBlocks})
	if err != nil {
		t.Fatal(err)
	}
	return x, out.Bytes()
}

func TestFramesGiveTheFile(t *testing.T) {
	data := sample()
	for _, n := range []int{8, 16, 32} {
		x, frames := write(t, data, n)
		if x.FramesSize() != int64(len(frames)) {
			t.Fatalf("frames have %d bytes, the index says %d", len(frames), x.FramesSize())
		}
		d, err := blocks.NewDecoder(x)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		var got []byte
		for i := range x.Frames() {
			off, length := x.Frame(i)
			out, err := d.Frame(i, frames[off:off+length])
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, out...)
		}
		if !bytes.Equal(got, data) {
			t.Errorf("%d blocks a frame: other bytes came back", n)
		}
	}
}

// TestFramesAreOneStream shows that a program that knows nothing of the index
// can unpack the file.
func TestFramesAreOneStream(t *testing.T) {
	data := sample()
	_, frames := write(t, data, 0)
	z, err := zstd.NewReader(bytes.NewReader(frames))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	got, err := io.ReadAll(z)
	if err != nil || !bytes.Equal(got, data) {
		t.Errorf("%d bytes, error %v; want %d", len(got), err, len(data))
	}
}

func TestProcessorsMakeNoDifference(t *testing.T) {
	data := sample()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	one, frames := write(t, data, 0)
	runtime.GOMAXPROCS(7)
	seven, again := write(t, data, 0)
	if !bytes.Equal(frames, again) || !bytes.Equal(one.Marshal(), seven.Marshal()) {
		t.Error("1 and 7 processors make different bytes")
	}
}

// TestGolden holds the formats still: hosts in the field read these files.
// SLIPWAY_UPDATE_GOLDEN=1 writes them; a new version of the compressor may
// change v1.frames, but must read the old one.
func TestGolden(t *testing.T) {
	data := sample()[400_000:700_007]
	x, frames := write(t, data, 0)
	for name, got := range map[string][]byte{"v1.index": x.Marshal(), "v1.frames": frames} {
		path := filepath.Join("testdata", name)
		if os.Getenv("SLIPWAY_UPDATE_GOLDEN") != "" {
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs", path)
		}
	}
}

// TestForeignFrames reads frames that the zstd program made
// (testdata/golden.sh), with checksums and another level.
func TestForeignFrames(t *testing.T) {
	data := sample()[:2*16*blocks.BlockSize]
	x, _ := write(t, data, 16)
	d, err := blocks.NewDecoder(x)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	frame, err := os.ReadFile("testdata/foreign.zst")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Frame(1, frame); err != nil {
		t.Error(err)
	}
	if _, err := d.Frame(0, frame); !errors.Is(err, blocks.ErrCorrupt) {
		t.Errorf("error for the frame of another place is %v", err)
	}
}

func TestFrameRefuses(t *testing.T) {
	data := sample()
	x, frames := write(t, data, 0)
	d, err := blocks.NewDecoder(x)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	_, length := x.Frame(0)
	frame := frames[:length]
	z, err := zstd.NewWriter(nil)
	if err != nil {
		t.Fatal(err)
	}
	bomb := z.EncodeAll(make([]byte, 64<<20), nil)
	flipped := bytes.Clone(frame)
	flipped[length/2] ^= 4
	for name, b := range map[string][]byte{
		"empty": {}, "short": frame[:length-1], "with more behind": append(bytes.Clone(frame), frame...),
		"flipped": flipped, "a bomb": bomb, "no zstd": []byte("hello"), "a skippable frame": {0x50, 0x2a, 0x4d, 0x18, 0, 0, 0, 0},
	} {
		if _, err := d.Frame(0, b); !errors.Is(err, blocks.ErrCorrupt) {
			t.Errorf("%s: error is %v, want ErrCorrupt", name, err)
		}
	}
	if _, err := d.Frame(0, frame); err != nil {
		t.Errorf("after bad frames: %v", err)
	}
}

func TestIndexSurvives(t *testing.T) {
	x, _ := write(t, sample(), blocks.MinFrameBlocks)
	b := x.Marshal()
	got, err := blocks.ParseIndex(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(x, got, cmp.AllowUnexported(blocks.Index{})); diff != "" {
		t.Errorf("index (-want +got):\n%s", diff)
	}
	if len(b) > blocks.MaxIndexSize {
		t.Errorf("%d bytes, more than MaxIndexSize", len(b))
	}
}

func TestParseIndexRefuses(t *testing.T) {
	x, _ := write(t, sample(), 0)
	good := x.Marshal()
	tests := []struct {
		name   string
		change func(b []byte) []byte
		want   string
	}{
		{"empty", func(b []byte) []byte { return nil }, "no block index"},
		{"signature", func(b []byte) []byte { b[0] = 'S'; return b }, "no block index"},
		{"version", func(b []byte) []byte { b[8] = 2; return b }, "version of the block index is 2, want 1"},
		{"block size", func(b []byte) []byte { b[12] = 1; return b }, "4097 bytes"},
		{"no file", func(b []byte) []byte { clear(b[16:24]); return b }, "file of 0 bytes"},
		{"huge file", func(b []byte) []byte { b[23] = 0xff; return b }, "want 1 to"},
		{"another file size", func(b []byte) []byte { b[18]++; return b }, "bytes, want"},
		{"frames of 3 blocks", func(b []byte) []byte { b[24] = 3; return b }, "frames have 3 blocks"},
		{"reserved", func(b []byte) []byte { b[28] = 1; return b }, "reserved field"},
		{"short", func(b []byte) []byte { return b[:len(b)-1] }, "bytes, want"},
		{"long", func(b []byte) []byte { return append(b, 0) }, "bytes, want"},
		{"empty frame", func(b []byte) []byte { clear(b[96:100]); return b }, "frame 0 has 0 bytes"},
		{"large frame", func(b []byte) []byte { b[98] = 9; return b }, "frame 0 has"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := blocks.ParseIndex(tt.change(bytes.Clone(good)))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("error is %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestWriteRefuses(t *testing.T) {
	for name, o := range map[string]blocks.Options{
		"no bytes":           {},
		"too large":          {Size: blocks.MaxSize + 1},
		"a frame of 5":       {Size: 4096, FrameBlocks: 5},
		"more than is there": {Size: 8192},
	} {
		if _, err := blocks.Write(io.Discard, bytes.NewReader(make([]byte, 4096)), o); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// TestLeavesAreThoseOfVerity compares three ways to the same hashes.
func TestLeavesAreThoseOfVerity(t *testing.T) {
	for _, n := range []int{2, 128, 129, 300} {
		data := sample()[:n*blocks.BlockSize]
		f, err := os.Create(filepath.Join(t.TempDir(), "hash"))
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := verity.Format(bytes.NewReader(data), f, verity.Superblock{DataBlocks: int64(n), Salt: salt[:]}); err != nil {
			t.Fatal(err)
		}
		x, _ := write(t, data, 0)
		tree, err := blocks.ReadLeaves(f, salt, int64(n))
		if err != nil {
			t.Fatal(err)
		}
		hashed, err := blocks.HashLeaves(context.Background(), bytes.NewReader(data), salt, n)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(x.Leaves, tree); diff != "" {
			t.Errorf("%d blocks: hash tree (-index +tree):\n%s", n, diff)
		}
		if diff := cmp.Diff(x.Leaves, hashed, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%d blocks: hashed (-index +hashed):\n%s", n, diff)
		}
		if _, err := blocks.ReadLeaves(f, blocks.Salt{}, 1<<20); !errors.Is(err, blocks.ErrSalt) {
			t.Errorf("error for another salt is %v, want ErrSalt", err)
		}
		if _, err := blocks.ReadLeaves(f, salt, int64(n)-1); err == nil {
			t.Error("no error for a tree of more blocks than allowed")
		}
	}
	if _, err := blocks.ReadLeaves(bytes.NewReader(make([]byte, 4096)), salt, 9); !errors.Is(err, verity.ErrNoSuperblock) {
		t.Errorf("error for zeros is %v", err)
	}
	if _, err := blocks.HashLeaves(context.Background(), bytes.NewReader(nil), salt, 1); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error for a short device is %v", err)
	}
}

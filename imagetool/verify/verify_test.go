package verify_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/gpt"
	"github.com/slipway-os/slipway/imagetool/verify"
)

// image builds the fixture once.
var image = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "verify-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	o, err := fixture.Options(dir)
	if err != nil {
		return nil, err
	}
	if _, err := assemble.Image(context.Background(), o); err != nil {
		return nil, err
	}
	return os.ReadFile(o.Output)
})

// load returns the fixture's bytes, which nobody may change, and its table.
func load(t testing.TB) ([]byte, *gpt.Table) {
	t.Helper()
	data, err := image()
	if err != nil {
		t.Fatal(err)
	}
	table, err := gpt.Read(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	return data, table
}

func part(t *testing.T, table *gpt.Table, label string) gpt.Partition {
	t.Helper()
	i := slices.IndexFunc(table.Partitions, func(p gpt.Partition) bool { return p.Label == label })
	if i < 0 {
		t.Fatalf("no partition %q", label)
	}
	return table.Partitions[i]
}

// flipped reads data with one byte changed, without copying it.
type flipped struct {
	data []byte
	at   int64
	mask byte
}

func (f flipped) ReadAt(p []byte, off int64) (int, error) {
	n, err := bytes.NewReader(f.data).ReadAt(p, off)
	if i := f.at - off; i >= 0 && i < int64(n) {
		p[i] ^= f.mask
	}
	return n, err
}

// TestFlippedByteIsFoundAndLocated flips bytes one at a time all over the
// parts that must be covered and asks for a problem whose range holds it.
func TestFlippedByteIsFoundAndLocated(t *testing.T) {
	data, table := load(t)
	root, hash, esp := part(t, table, "ROOT-A"), part(t, table, "HASH-A"), part(t, table, "ESP")
	rootB, hashB := part(t, table, "ROOT-B"), part(t, table, "HASH-B")
	ukiStart := int64(bytes.Index(data[esp.Start():esp.Start()+esp.Size()], []byte("#### LoaderInfo"))) + esp.Start()
	linux := int64(bytes.LastIndex(data[:esp.Start()+esp.Size()], []byte("CRC1")))
	end := int64(len(data))
	tests := []struct {
		name, partition string
		from, to, step  int64
	}{
		{"protective MBR", "GPT", 0, 512, 11},
		{"first header", "GPT", 512, 1024, 11},
		{"first entries", "GPT", 1024, 1024 + 6*128, 37},
		{"unused first entries", "GPT", 1024 + 6*128, 34 * 512, 997},
		{"space before the first partition", "disk", 34 * 512, 1 << 20, 50021},
		{"root data", "ROOT-A", root.Start(), root.Start() + 210*4096, 90021},
		{"behind the root data", "ROOT-A", root.Start() + 240*4096, root.Start() + root.Size(), 300007},
		{"verity superblock", "HASH-A", hash.Start(), hash.Start() + 512, 11},
		{"behind the superblock", "HASH-A", hash.Start() + 512, hash.Start() + 4096, 501},
		{"top hash block", "HASH-A", hash.Start() + 4096, hash.Start() + 8192, 101},
		{"lower hash blocks", "HASH-A", hash.Start() + 8192, hash.Start() + 16384, 301},
		{"behind the hash tree", "HASH-A", hash.Start() + 16384, hash.Start() + hash.Size(), 100003},
		{"empty root slot", "ROOT-B", rootB.Start(), rootB.Start() + rootB.Size(), 300007},
		{"empty hash slot", "HASH-B", hashB.Start(), hashB.Start() + hashB.Size(), 300007},
		{"FAT", "ESP", esp.Start() + 16384, esp.Start() + 16384 + 1200, 41},
		{"UKI, stub to kernel", "ESP", ukiStart, linux, 4001},
		{"UKI, checksums", "ESP", linux, linux + 60, 7},
		{"second entries", "GPT", end - 33*512, end - 33*512 + 6*128, 37},
		{"second header", "GPT", end - 512, end, 11},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for at := tt.from; at < tt.to; at += tt.step {
				checkLocated(t, flipped{data, at, byte(1) << (at % 8)}, tt.partition)
			}
		})
	}
}

// checkLocated wants a problem in the partition whose range holds the byte.
func checkLocated(t *testing.T, f flipped, partition string) {
	t.Helper()
	result, err := verify.Image(f, int64(len(f.data)))
	if err != nil {
		t.Errorf("byte %d: %v", f.at, err)
		return
	}
	if result.OK {
		t.Errorf("byte %d: not found", f.at)
		return
	}
	for _, p := range result.Problems {
		if p.Partition == partition && p.Offset <= f.at && f.at < p.Offset+max(p.Length, 1) {
			return
		}
	}
	t.Errorf("byte %d: no problem in %q holds it: %v", f.at, partition, result.Problems)
}

func TestGoodImage(t *testing.T) {
	data, _ := load(t)
	result, err := verify.Image(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if !result.OK || len(result.Problems) != 0 {
		t.Errorf("problems in a good image: %v", result.Problems)
	}
}

func TestStructuralDamage(t *testing.T) {
	good, table := load(t)
	esp := part(t, table, "ESP")
	tests := []struct {
		name   string
		change func(b []byte)
		want   string
	}{
		{"UKI of another root", func(b []byte) {
			// Change a digit of the root hash in the command line everywhere.
			i := bytes.Index(b, []byte("1 sha256 ")) + 9
			b[i] = map[bool]byte{true: '1', false: '0'}[b[i] == '0']
		}, "command line differs"},
		{"boot loader torn", func(b []byte) {
			i := bytes.Index(b[esp.Start():], []byte("MZ"))
			clear(b[int(esp.Start())+i : int(esp.Start())+i+512])
		}, "not a 64-bit PE file"},
		{"unknown loader setting", func(b []byte) {
			copy(b[bytes.Index(b, []byte("editor no")):], "edixor no")
		}, `unknown setting "edixor no"`},
		{"free count", func(b []byte) {
			for _, sector := range []int64{1, 7} {
				binary.LittleEndian.PutUint32(b[esp.Start()+512*sector+488:], 5)
			}
		}, "free clusters"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := bytes.Clone(good)
			tt.change(b)
			result, err := verify.Image(bytes.NewReader(b), int64(len(b)))
			if err != nil {
				t.Fatal(err)
			}
			for _, p := range result.Problems {
				if strings.Contains(p.Message, tt.want) {
					return
				}
			}
			t.Errorf("problems are %v, want one with %q", result.Problems, tt.want)
		})
	}
}

func TestNoDisk(t *testing.T) {
	good, _ := load(t)
	for name, b := range map[string][]byte{
		"empty": {}, "short": good[:1000], "text": bytes.Repeat([]byte("text "), 100_000), "zeros": make([]byte, 1<<20),
	} {
		if _, err := verify.Image(bytes.NewReader(b), int64(len(b))); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

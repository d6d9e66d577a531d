package verity_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/verity"
)

// numbers returns the first n bytes of the numbers from 1 on, a line each.
func numbers(n int) []byte {
	b := make([]byte, 0, n+16)
	for i := 1; len(b) < n; i++ {
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, '\n')
	}
	return b[:n]
}

// format makes a hash device in memory.
func format(t testing.TB, data []byte, sb verity.Superblock) (verity.RootHash, []byte) {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "hash"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	root, err := verity.Format(bytes.NewReader(data), f, sb)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := os.ReadFile(f.Name())
	if err != nil {
		t.Fatal(err)
	}
	return root, hash
}

// TestFormatGivesTheBytesOfVeritysetup compares with testdata/golden.sh.
func TestFormatGivesTheBytesOfVeritysetup(t *testing.T) {
	f, err := os.Open("testdata/veritysetup.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	cases := 0
	for lines := bufio.NewScanner(f); lines.Scan(); cases++ {
		var blocks int
		var salt, id, root, sum string
		if _, err := fmt.Sscan(lines.Text(), &blocks, &salt, &id, &root, &sum); err != nil {
			t.Fatalf("%q: %v", lines.Text(), err)
		}
		t.Run(fmt.Sprintf("%d blocks, salt %.8s", blocks, salt), func(t *testing.T) {
			sb := verity.Superblock{UUID: uuid.MustParse(id), DataBlocks: int64(blocks)}
			if salt != "-" {
				if sb.Salt, err = hex.DecodeString(salt); err != nil {
					t.Fatal(err)
				}
			}
			gotRoot, hash := format(t, numbers(blocks*verity.BlockSize), sb)
			if gotRoot.String() != root {
				t.Errorf("root hash is %s, want %s", gotRoot, root)
			}
			if got := fmt.Sprintf("%x", sha256.Sum256(hash)); got != sum {
				t.Errorf("SHA-256 of the hash device is %s, want %s", got, sum)
			}
			if want := verity.HashSize(int64(blocks) * verity.BlockSize); int64(len(hash)) != want {
				t.Errorf("hash device has %d bytes, HashSize says %d", len(hash), want)
			}
		})
	}
	if cases < 5 {
		t.Errorf("only %d cases in testdata/veritysetup.txt", cases)
	}
}

func TestFormatShortData(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "hash"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	_, err = verity.Format(bytes.NewReader(make([]byte, 4096)), f, verity.Superblock{DataBlocks: 2})
	if err == nil {
		t.Error("no error for data shorter than the superblock says")
	}
}

// device is a formatted pair under test; levels: top block 1, lower blocks 2 to 4.
type device struct {
	data, hash []byte
	sb         verity.Superblock
	root       verity.RootHash
}

func newDevice(t testing.TB) *device {
	t.Helper()
	d := &device{data: numbers(300 * verity.BlockSize), sb: verity.Superblock{DataBlocks: 300, Salt: []byte("salt")}}
	d.root, d.hash = format(t, d.data, d.sb)
	return d
}

func (d *device) check(t *testing.T) []verity.Fault {
	t.Helper()
	faults, more, err := verity.Check(bytes.NewReader(d.data), bytes.NewReader(d.hash), d.sb, d.root)
	if err != nil || more != 0 {
		t.Fatalf("%d more, error %v", more, err)
	}
	for i := range faults {
		faults[i].Message = ""
	}
	return faults
}

func TestCheckLocates(t *testing.T) {
	tests := []struct {
		name   string
		change func(d *device)
		want   []verity.Fault
	}{
		{"good", func(d *device) {}, nil},
		{"a data block", func(d *device) { d.data[77*4096+5] ^= 1 }, []verity.Fault{{Offset: 77 * 4096, Length: 4096}}},
		{"two data blocks", func(d *device) { d.data[0] ^= 1; d.data[299*4096+4095] ^= 1 },
			[]verity.Fault{{Offset: 0, Length: 4096}, {Offset: 299 * 4096, Length: 4096}}},
		{"a digest of a data block", func(d *device) { d.hash[3*4096+70] ^= 1 }, []verity.Fault{{InHash: true, Offset: 3*4096 + 70, Length: 1}}},
		{"padding of a hash block", func(d *device) { d.hash[4*4096+4000] = 9 }, []verity.Fault{{InHash: true, Offset: 4*4096 + 4000, Length: 1}}},
		{"the top block", func(d *device) { d.hash[4096] ^= 1 }, []verity.Fault{{InHash: true, Offset: 4096, Length: 1}}},
		{"data and its digest", func(d *device) { d.data[129*4096] ^= 1; d.hash[3*4096] ^= 1 },
			[]verity.Fault{{InHash: true, Offset: 3 * 4096, Length: 4096}}},
		{"two levels", func(d *device) { d.hash[4096+3] ^= 1; d.hash[2*4096+3] ^= 1; d.data[200*4096] ^= 1 },
			[]verity.Fault{{Offset: 0, Length: 4096}, {Offset: 200 * 4096, Length: 4096}, {InHash: true, Offset: 4096, Length: 4096}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := newDevice(t)
			tt.change(d)
			if diff := cmp.Diff(tt.want, d.check(t)); diff != "" {
				t.Errorf("faults (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCheckBoundsItsList(t *testing.T) {
	d := newDevice(t)
	for b := range 300 {
		d.data[b*4096] ^= 1
	}
	faults, more, err := verity.Check(bytes.NewReader(d.data), bytes.NewReader(d.hash), d.sb, d.root)
	if err != nil || len(faults) != verity.MaxFaults || more != 300-verity.MaxFaults {
		t.Errorf("%d faults, %d more, error %v", len(faults), more, err)
	}
}

func TestSuperblockFindsEveryByte(t *testing.T) {
	sb := verity.Superblock{UUID: uuid.New(), DataBlocks: 4711, Salt: []byte("0123456789abcdef0123456789abcdef")}
	b, err := sb.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := verity.ParseSuperblock(b)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(sb, *got); diff != "" {
		t.Errorf("superblock (-want +got):\n%s", diff)
	}
	for i := range b {
		b[i] ^= 0x04
		if got, err := verity.ParseSuperblock(b); err == nil && cmp.Equal(sb, *got) {
			t.Errorf("byte %d of the superblock makes no difference", i)
		}
		b[i] ^= 0x04
	}
}

func FuzzSuperblock(f *testing.F) {
	b, _ := verity.Superblock{DataBlocks: 1, Salt: []byte{1}}.Marshal()
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		sb, err := verity.ParseSuperblock(data)
		if err != nil {
			return
		}
		again, err := sb.Marshal()
		if err != nil || !bytes.Equal(again, data[:verity.SuperblockSize]) {
			t.Errorf("superblock does not survive a round trip: %v", err)
		}
		if verity.HashSize(sb.DataBlocks*verity.BlockSize) <= 0 {
			t.Errorf("hash size overflows for %d blocks", sb.DataBlocks)
		}
	})
}

func BenchmarkTree(b *testing.B) {
	data := numbers(64 << 20)
	sb := verity.Superblock{DataBlocks: int64(len(data)) / verity.BlockSize, Salt: make([]byte, 32)}
	f, err := os.Create(filepath.Join(b.TempDir(), "hash"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := verity.Tree(bytes.NewReader(data), f, sb); err != nil {
			b.Fatal(err)
		}
	}
}

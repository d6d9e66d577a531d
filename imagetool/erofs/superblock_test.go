package erofs_test

import (
	"bytes"
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/erofs"
)

// golden is the first block of an image that mkfs.erofs 1.8.6 made (see
// testdata/golden.sh).
func golden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/empty.erofs")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestReadSuperblock(t *testing.T) {
	got, err := erofs.ReadSuperblock(bytes.NewReader(golden(t)))
	if err != nil {
		t.Fatal(err)
	}
	want := &erofs.Superblock{
		Blocks: 1, Inodes: 1, BuildTime: 1760000000, Label: "slipway",
		UUID: uuid.MustParse("2c2e81a9-0fbb-ce09-46a8-9d1fced52409"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("superblock (-want +got):\n%s", diff)
	}
}

func TestSuperblockFindsEveryByte(t *testing.T) {
	block := golden(t)
	for at := 1024; at < len(block); at++ {
		block[at] ^= 0x08
		if _, err := erofs.ParseSuperblock(block); err == nil {
			t.Errorf("byte %d makes no difference", at)
		}
		block[at] ^= 0x08
	}
}

func TestNoSuperblock(t *testing.T) {
	for _, data := range [][]byte{nil, make([]byte, 100), make([]byte, 4096)} {
		if _, err := erofs.ReadSuperblock(bytes.NewReader(data)); !errors.Is(err, erofs.ErrNoSuperblock) {
			t.Errorf("%d zeros: error is %v, want ErrNoSuperblock", len(data), err)
		}
	}
}

func FuzzParseSuperblock(f *testing.F) {
	f.Add(golden(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if sb, err := erofs.ParseSuperblock(data); err == nil && sb.Size() <= 0 {
			t.Errorf("accepted file system has %d bytes", sb.Size())
		}
	})
}

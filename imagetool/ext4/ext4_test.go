package ext4_test

import (
	"errors"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/slipway-os/slipway/imagetool/ext4"
)

// golden is a superblock that mkfs.ext4 made (see testdata/golden.sh).
func golden(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("testdata/super.ext4")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestParseSuperblock wants what dumpe2fs says, in testdata/super.txt.
func TestParseSuperblock(t *testing.T) {
	got, err := ext4.ParseSuperblock(golden(t))
	if err != nil {
		t.Fatal(err)
	}
	want := &ext4.Superblock{BlockSize: 4096, Blocks: 16384, Free: 14319, UUID: uuid.MustParse("2c2e81a9-0fbb-ce09-46a8-9d1fced52409")}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("superblock (-want +got):\n%s", diff)
	}
}

func TestSuperblockFindsEveryByte(t *testing.T) {
	b := golden(t)
	for at := range b {
		b[at] ^= 0x80
		if _, err := ext4.ParseSuperblock(b); err == nil {
			t.Errorf("byte %d makes no difference", at)
		}
		b[at] ^= 0x80
	}
	if _, err := ext4.ParseSuperblock(make([]byte, 1024)); !errors.Is(err, ext4.ErrNoSuperblock) {
		t.Errorf("error for zeros is %v, want ErrNoSuperblock", err)
	}
}

func FuzzParseSuperblock(f *testing.F) {
	f.Add(golden(f))
	f.Fuzz(func(t *testing.T, data []byte) {
		if sb, err := ext4.ParseSuperblock(data); err == nil && (sb.Size() < 0 || sb.Used() < 0) {
			t.Errorf("accepted file system has %d bytes, %d used", sb.Size(), sb.Used())
		}
	})
}

package bootstate

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/imagetool/cmdline"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/uki"
	"github.com/slipway-os/slipway/imagetool/verity"
)

// testImage is a unified kernel image; package bootstatetest, which has them,
// imports this one.
func testImage(t *testing.T, version, hash string) []byte {
	t.Helper()
	root, err := verity.ParseRootHash(hash)
	if err != nil {
		t.Fatal(err)
	}
	line, err := cmdline.Build(cmdline.Root{Hash: root, Salt: []byte{1}, Blocks: 1}, "")
	if err != nil {
		t.Fatal(err)
	}
	b, err := uki.Build(uki.Parts{
		Stub: fixture.Stub(uki.X86_64), Kernel: fixture.Kernel(uki.X86_64), Cmdline: line,
		OSRelease: []byte("ID=slipway\nVERSION_ID=" + version + "\n"),
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEvidence(t *testing.T) {
	const verityError = "[   12.3] device-mapper: verity: 254:2: data block 7 is corrupted"
	for _, tc := range []struct {
		name    string
		pstore  map[string]string
		journal string
		boot    string
		want    string
	}{
		{"nothing", nil, "", "b", ""},
		{"panic", map[string]string{"dmesg-efi-1": "x\n<0>[ 1.0] Kernel panic - not syncing: VFS: no root\ny"}, "", "",
			"kernel: Kernel panic - not syncing: VFS: no root"},
		{"verity before panic", map[string]string{"dmesg-efi-1": "Kernel panic - not syncing: x\n" + verityError}, "", "",
			"kernel: device-mapper: verity: 254:2: data block 7 is corrupted"},
		{"verity in the journal", nil, verityError + "\na.service: Failed with result 'exit-code'.\n", "b",
			"kernel: device-mapper: verity: 254:2: data block 7 is corrupted"},
		{"last error", nil, "first\nFailed to start a.service.\n", "b", "journal: Failed to start a.service."},
		{"journal of no boot", nil, "first\n", "", ""},
		{"too large", map[string]string{"dmesg-efi-1": "Kernel panic - not syncing: x" + strings.Repeat(" ", maxCrash)}, "", "", ""},
	} {
		dir := filepath.Join(t.TempDir(), "pstore")
		for name, content := range tc.pstore {
			if err := os.MkdirAll(dir, 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		e := Evidence{PStore: dir, Journal: func(string) string { return tc.journal }}
		if got := e.Find(tc.boot); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, got, tc.want)
		}
	}
}

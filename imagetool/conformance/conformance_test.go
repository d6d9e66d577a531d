package conformance_test

import (
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/fixture"
	"github.com/slipway-os/slipway/imagetool/verify"
)

// subject is an image to judge.
type subject struct {
	image     string
	artifacts string
	facts     assemble.Facts
}

// run runs a foreign program and returns what it printed; any exit code but 0
// fails the test.
func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

// build builds the small image in a folder of its own with the real mkfs
// programs and the compression asked for.
func build(t *testing.T, compression string) subject {
	t.Helper()
	o, err := fixture.Options(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	o.Makers = assemble.Makers{}
	text := strings.Replace(fixture.Layout, `"none"`, `"`+compression+`"`, 1)
	if err := os.WriteFile(o.Layout, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	facts, err := assemble.Image(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	return subject{o.Output, o.Artifacts, *facts}
}

// built returns the image named by the environment, or false.
func built(t *testing.T) (subject, bool) {
	t.Helper()
	s := subject{image: os.Getenv("SLIPWAY_IMAGE"), artifacts: os.Getenv("SLIPWAY_ARTIFACTS")}
	if s.image == "" {
		return s, false
	}
	data, err := os.ReadFile(filepath.Join(s.artifacts, "image.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &s.facts); err != nil {
		t.Fatal(err)
	}
	return s, true
}

func TestForeignProgramsAccept(t *testing.T) {
	subjects := map[string]subject{"small, lz4hc": build(t, "lz4hc"), "small, uncompressed": build(t, "none")}
	if s, ok := built(t); ok {
		subjects["SLIPWAY_IMAGE"] = s
	}
	for name, s := range subjects {
		t.Run(name, func(t *testing.T) {
			table := s.table(t)
			t.Run("sfdisk", func(t *testing.T) { s.judgeTable(t, table) })
			t.Run("fsck.vfat", func(t *testing.T) { s.judgeESP(t, table) })
			t.Run("fsck.erofs", func(t *testing.T) { run(t, "fsck.erofs", s.partition(t, table, "ROOT-A")) })
			t.Run("veritysetup", func(t *testing.T) { s.judgeVerity(t, table) })
			t.Run("e2fsck", func(t *testing.T) { run(t, "e2fsck", "-f", "-n", s.partition(t, table, "STATE")) })
			t.Run("objdump", func(t *testing.T) { s.judgeUKI(t) })
			t.Run("imagetool", func(t *testing.T) { s.judgeSelf(t) })
		})
	}
}

// entry is a partition as sfdisk sees it; start and size are in sectors.
type entry struct {
	Start, Size      int64
	Type, UUID, Name string
}

// table reads the partition table by sfdisk.
func (s subject) table(t *testing.T) map[string]entry {
	t.Helper()
	var dump struct {
		PartitionTable struct {
			Label      string
			Partitions []entry
		}
	}
	if err := json.Unmarshal([]byte(run(t, "sfdisk", "--json", s.image)), &dump); err != nil {
		t.Fatal(err)
	}
	if dump.PartitionTable.Label != "gpt" {
		t.Fatalf("sfdisk sees a table of type %q", dump.PartitionTable.Label)
	}
	table := map[string]entry{}
	for _, e := range dump.PartitionTable.Partitions {
		table[e.Name] = e
	}
	return table
}

// partition copies a partition to a file of its own.
func (s subject) partition(t *testing.T, table map[string]entry, label string) string {
	t.Helper()
	e, ok := table[label]
	if !ok {
		t.Fatalf("no partition %q", label)
	}
	in, err := os.Open(s.image)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), label))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	if _, err := io.Copy(out, io.NewSectionReader(in, e.Start*512, e.Size*512)); err != nil {
		t.Fatal(err)
	}
	return out.Name()
}

func (s subject) judgeTable(t *testing.T, table map[string]entry) {
	if out := run(t, "sfdisk", "--verify", s.image); !strings.Contains(out, "No errors detected") {
		t.Errorf("sfdisk --verify says:\n%s", out)
	}
	hash := strings.ToUpper(s.facts.RootHash)
	for label, want := range map[string]string{"ROOT-A": hash[:32], "HASH-A": hash[32:]} {
		if got := strings.ReplaceAll(table[label].UUID, "-", ""); got != want {
			t.Errorf("%s has GUID %s, want half of the root hash, %s", label, got, want)
		}
	}
	for label, e := range table {
		if e.Start%2048 != 0 {
			t.Errorf("%s begins at sector %d, not at a whole MiB", label, e.Start)
		}
	}
}

func (s subject) judgeESP(t *testing.T, table map[string]entry) {
	part := s.partition(t, table, "ESP")
	if out := run(t, "fsck.vfat", "-n", part); strings.Count(strings.TrimSpace(out), "\n") > 1 {
		t.Errorf("fsck.vfat says more than its name and its counts:\n%s", out)
	}
	copied := filepath.Join(t.TempDir(), "uki.efi")
	run(t, "mcopy", "-i", part, "::/EFI/Linux/"+s.facts.ID+"_"+s.facts.Version+".efi", copied)
	if digest := strings.Fields(run(t, "sha256sum", copied))[0]; digest != s.facts.Artifacts["uki.efi"].SHA256 {
		t.Errorf("mcopy reads a UKI with SHA-256 %s, image.json says %s", digest, s.facts.Artifacts["uki.efi"].SHA256)
	}
}

// judgeVerity verifies the partitions, and that our tree is veritysetup's.
func (s subject) judgeVerity(t *testing.T, table map[string]entry) {
	root, hash := s.partition(t, table, "ROOT-A"), s.partition(t, table, "HASH-A")
	run(t, "veritysetup", "verify", root, hash, s.facts.RootHash)
	data, tree := filepath.Join(s.artifacts, "root.erofs"), filepath.Join(s.artifacts, "root.verity")
	run(t, "veritysetup", "verify", data, tree, s.facts.RootHash)
	theirs := filepath.Join(t.TempDir(), "theirs")
	out := run(t, "veritysetup", "format", "--salt", s.facts.Salt, "--uuid", strings.ToLower(table["HASH-A"].UUID), data, theirs)
	if !strings.Contains(out, s.facts.RootHash) {
		t.Errorf("veritysetup format finds another root hash than %s:\n%s", s.facts.RootHash, out)
	}
	run(t, "cmp", tree, theirs)
}

func (s subject) judgeUKI(t *testing.T) {
	out := run(t, "objdump", "-h", filepath.Join(s.artifacts, "uki.efi"))
	for _, section := range []string{".osrel", ".cmdline", ".uname", ".linux"} {
		if !strings.Contains(out, section+" ") {
			t.Errorf("objdump sees no section %s:\n%s", section, out)
		}
	}
}

func (s subject) judgeSelf(t *testing.T) {
	f, err := os.Open(s.image)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	result, err := verify.Image(f, s.facts.Disk.Size)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range result.Problems {
		t.Error(p)
	}
}

// TestBuildTwice builds with the real programs in two folders.
func TestBuildTwice(t *testing.T) {
	for _, compression := range []string{"lz4hc", "none"} {
		a, b := build(t, compression), build(t, compression)
		if a.facts.Disk != b.facts.Disk {
			t.Errorf("%s: two builds give %s and %s", compression, a.facts.Disk.SHA256, b.facts.Disk.SHA256)
		}
	}
}

// TestForeignProgramsReject makes sure that the judges are awake: they must
// not accept a damaged image.
func TestForeignProgramsReject(t *testing.T) {
	s := build(t, "none")
	table := s.table(t)
	f, err := os.OpenFile(s.image, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, label := range []string{"ROOT-A", "ESP", "STATE"} {
		// The byte is in file data, in the second FAT, in the superblock.
		at := table[label].Start*512 + map[string]int64{"ROOT-A": 20 * 4096, "ESP": 512*40 + 8, "STATE": 1024 + 120}[label]
		if _, err := f.WriteAt([]byte("damaged"), at); err != nil {
			t.Fatal(err)
		}
	}
	judges := []struct {
		complaint string
		command   []string
	}{
		{"Verification failed at position", []string{"veritysetup", "verify", s.partition(t, table, "ROOT-A"), s.partition(t, table, "HASH-A"), s.facts.RootHash}},
		{"FATs differ", []string{"fsck.vfat", "-n", s.partition(t, table, "ESP")}},
		{"Superblock checksum does not match", []string{"e2fsck", "-f", "-n", s.partition(t, table, "STATE")}},
	}
	for _, j := range judges {
		out, err := exec.Command(j.command[0], j.command[1:]...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), j.complaint) {
			t.Errorf("%s: error %v, want one with %q:\n%s", j.command[0], err, j.complaint, out)
		}
	}
}

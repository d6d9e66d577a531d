package update_test

import (
	"crypto/ed25519"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// TestRootsAreKept: once a host has seen the root that took a key away, that
// key is of no use to anybody, even where all other metadata is lost; and a
// root that lies in STATE is believed only as far as it is signed.
func TestRootsAreKept(t *testing.T) {
	h := newHost(t, version(t, "1.0.0", "base"))
	dir, old := t.TempDir(), t.TempDir()
	must(t, repo.Trial(dir, "stable", nil, h.now, repo.Options{}))
	must(t, os.CopyFS(old, os.DirFS(dir)))
	root, err := os.ReadFile(filepath.Join(dir, "metadata", "1.root.json"))
	must(t, err)
	h.root, h.config.MetadataURL, h.config.TargetsURL = root, dir+"/metadata", dir+"/targets"
	h.restart()
	if failed := h.do(h.updater.Refresh); failed != "" && !strings.Contains(failed, "manifest.json") {
		t.Fatal(failed) // nothing is published, which is no matter here
	}
	rotate(t, dir)
	if failed := h.do(h.updater.Refresh); failed != "" && !strings.Contains(failed, "manifest.json") {
		t.Fatal(failed)
	}
	kept := filepath.Join(h.dir, "roots", "2.root.json")
	if _, err := os.Stat(kept); err != nil {
		t.Fatal(err)
	}
	must(t, os.RemoveAll(filepath.Join(h.dir, "metadata")))
	h.config.MetadataURL, h.config.TargetsURL = old+"/metadata", old+"/targets"
	if failed := h.do(h.updater.Refresh); !strings.Contains(failed, "Verifying timestamp failed, not enough signatures") {
		t.Errorf("the old key was taken: %q", failed)
	}
	stranger, err := os.ReadFile(filepath.Join(h.dir, "metadata", "root.json"))
	must(t, err)
	must(t, os.WriteFile(kept, []byte(strings.Replace(string(stranger), `"version": 2`, `"version": 2, "x": 1`, 1)), 0o600))
	must(t, os.RemoveAll(filepath.Join(h.dir, "metadata")))
	h.config.MetadataURL, h.config.TargetsURL = dir+"/metadata", dir+"/targets"
	if failed := h.do(h.updater.Refresh); failed != "" && !strings.Contains(failed, "manifest.json") {
		t.Errorf("a root that is not signed is in the way: %q", failed)
	}
}

// rotate replaces the key of timestamp.
func rotate(t *testing.T, dir string) {
	t.Helper()
	ring, keys, err := repo.TrialRing("stable")
	must(t, err)
	_, priv, err := ed25519.GenerateKey(nil)
	must(t, err)
	next, err := ring.AddPrivate("timestamp-2", priv)
	must(t, err)
	r, err := repo.Open(dir, repo.Options{Ring: ring})
	must(t, err)
	defer r.Close()
	id, err := keys[metadata.TIMESTAMP][0].ID()
	must(t, err)
	waiting, err := r.Rotate(repo.Rotation{Role: metadata.TIMESTAMP, Add: []*metadata.Key{next}, Remove: []string{id}})
	if err != nil || waiting != nil {
		t.Fatalf("rotating: %+v, %v", waiting, err)
	}
}

package reference

import (
	_ "embed"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

//go:embed manifest.md
var manifestDoc string

// TestManifestExample reads the manifest that manifest.md shows.
func TestManifestExample(t *testing.T) {
	_, example, ok := strings.Cut(manifestDoc, "```json\n")
	example, _, closed := strings.Cut(example, "```")
	if !ok || !closed {
		t.Fatal("manifest.md shows no manifest")
	}
	m, err := manifest.Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	i := m.Find("base", "x86_64", "0.2.0")
	if i == nil || len(i.Waves) != 2 || m.TargetPath(i, i.Artefact(manifest.RoleUKI)) != "stable/base/x86_64/0.2.0/uki.efi" {
		t.Errorf("the example's image is %+v", i)
	}
}

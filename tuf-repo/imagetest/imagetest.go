// Package imagetest makes folders of update artefacts for tests, small and
// with no foreign programs.
package imagetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/slipway-os/slipway/imagetool/assemble"
	"github.com/slipway-os/slipway/imagetool/fixture"
)

// Artifacts builds an image of the variant base for x86_64 and returns its
// folder of artefacts, dir/artifacts.
func Artifacts(dir, version string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	o, err := fixture.Options(dir)
	if err != nil {
		return "", err
	}
	release := strings.Replace(fixture.OSRelease, "VERSION_ID="+fixture.Version, "VERSION_ID="+version, 1)
	if err := os.WriteFile(filepath.Join(dir, "os-release"), []byte(release), 0o644); err != nil {
		return "", err
	}
	o.Version = version
	if _, err := assemble.Image(context.Background(), o); err != nil {
		return "", fmt.Errorf("building image %s: %w", version, err)
	}
	return o.Artifacts, os.Remove(o.Output)
}

package pins

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/packages/internal/debian"
)

// FromSource makes a pin of one entry of a Sources index. The upstream
// tarball of a native package (format 3.0 (native)) is its only file.
func FromSource(s debian.Source) (Pin, error) {
	pin := Pin{Source: s.Name, Debian: s.Version, Version: debian.UpstreamVersion(s.Version)}
	var native []File
	for _, f := range s.Files {
		name := path.Base(f.Path)
		switch {
		case strings.HasSuffix(name, ".asc"), strings.HasSuffix(name, ".dsc"):
		case strings.Contains(name, ".debian.tar."), strings.HasSuffix(name, ".diff.gz"):
			pin.DebianFiles = append(pin.DebianFiles, f)
		case strings.Contains(name, ".orig.tar."), strings.Contains(name, ".orig-"):
			pin.Files = append(pin.Files, f)
		case strings.Contains(name, ".tar."):
			native = append(native, f)
		}
	}
	if len(pin.Files) == 0 {
		pin.Files = native
	}
	if len(pin.Files) == 0 {
		return Pin{}, fmt.Errorf("source %s %s has no tarball", s.Name, s.Version)
	}
	// The main tarball is .orig.tar.*; components are .orig-NAME.tar.*.
	slices.SortStableFunc(pin.Files, func(a, b File) int {
		return isComponent(a) - isComponent(b)
	})
	return pin, nil
}

func isComponent(f File) int {
	if strings.Contains(path.Base(f.Path), ".orig-") {
		return 1
	}
	return 0
}

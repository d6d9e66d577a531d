package pinning

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/packages/internal/debian"
	"github.com/slipway-os/slipway/packages/internal/download"
	"github.com/slipway-os/slipway/packages/internal/pins"
)

// pinner compares a table with what the archive has.
type pinner struct {
	client   *download.Client
	table    *pins.Table
	versions map[string][]debian.Source // newest first
	stdout   io.Writer
	warn     func(string)
}

// renew sets the pin of "name" or "name=source" and says what changed.
func (p *pinner) renew(ctx context.Context, arg string) error {
	name, source, given := strings.Cut(arg, "=")
	old, known := p.table.Pins[name]
	switch {
	case given:
	case known:
		source = old.Source
	default:
		source = name
	}
	if len(p.versions[source]) == 0 {
		return fmt.Errorf("the archive has no source package %q; say which it is, as in: pin %s=SOURCE", source, name)
	}
	pin, err := p.choose(ctx, p.versions[source])
	if err != nil {
		return err
	}
	if pin.Version == old.Version {
		pin.URLs = old.URLs
	}
	p.table.Set(name, pin)
	fmt.Fprintln(p.stdout, change(name, old, pin))
	return nil
}

// choose makes a pin of the newest version that a mirror has. Mirrors may lag
// behind the indexes, or lack the security archive; that is worth a warning.
// Where they have no version whole, the newest is pinned all the same.
func (p *pinner) choose(ctx context.Context, versions []debian.Source) (pins.Pin, error) {
	newest, err := pins.FromSource(versions[0])
	if err != nil {
		return pins.Pin{}, err
	}
	for _, version := range versions {
		pin, err := pins.FromSource(version)
		if err != nil {
			return pins.Pin{}, err
		}
		missing, err := p.missing(ctx, pin)
		if err != nil {
			return pins.Pin{}, err
		}
		if missing == "" {
			return pin, nil
		}
		p.warn(fmt.Sprintf("%s %s is in the index, but no mirror has %s", pin.Source, pin.Debian, missing))
	}
	return newest, nil
}

// missing names the first file of the pin that no mirror has, or "".
func (p *pinner) missing(ctx context.Context, pin pins.Pin) (string, error) {
	for _, f := range slices.Concat(pin.Files, pin.DebianFiles) {
		ok, err := p.client.Exists(ctx, download.File{Path: f.Path, Size: f.Size, SHA256: f.SHA256})
		if err != nil || !ok {
			return f.Path, err
		}
	}
	return "", nil
}

// change describes in one line how a pin moved.
func change(name string, old, pin pins.Pin) string {
	switch old.Debian {
	case "":
		return fmt.Sprintf("%s: new, %s", name, pin.Debian)
	case pin.Debian:
		return fmt.Sprintf("%s: %s, as before", name, pin.Debian)
	}
	return fmt.Sprintf("%s: %s, was %s", name, pin.Debian, old.Debian)
}

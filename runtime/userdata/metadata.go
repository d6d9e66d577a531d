package userdata

import (
	"context"
	"errors"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata/imds"
)

// metadataSource is the name of the metadata service as a source.
const metadataSource = "EC2 metadata"

// A Getter asks a metadata service: an *imds.Client.
type Getter interface {
	Get(ctx context.Context, path string) ([]byte, error)
}

// MetadataURL returns where this machine has an EC2-style metadata service, and
// false if it does not look as if it had one. The hypervisor can name any
// address by the fw_cfg item opt/slipway/metadata-url.
func (h Host) MetadataURL() (string, bool) {
	if url := h.line(fwCfgMetadata); url != "" {
		return url, true
	}
	return imds.DefaultBase, h.LooksLikeEC2()
}

// LooksLikeEC2 tells EC2's machines, and those that say they are like them, by
// what the firmware says: nothing is asked over the network.
func (h Host) LooksLikeEC2() bool {
	const dmi = "/sys/class/dmi/id/"
	for _, name := range []string{"sys_vendor", "bios_vendor", "chassis_asset_tag"} {
		if strings.EqualFold(h.line(dmi+name), "Amazon EC2") {
			return true
		}
	}
	// Machines of the Xen kind: "4.11.amazon".
	return strings.HasSuffix(strings.ToLower(h.line(dmi+"bios_version")), ".amazon")
}

// GatherMetadata reads user data and host name from a metadata service. What
// the local overrides set is left out of the values: they win. The rules over
// several settings are left to whoever commits the values, who knows the rest.
func GatherMetadata(ctx context.Context, c Getter, h Host, s *settings.Schema) Result {
	src := source{name: metadataSource}
	src.data, src.err = ask(ctx, c, imds.PathUserData)
	hostname, err := ask(ctx, c, imds.PathHostname)
	if src.err == nil {
		src.err = err
	}
	src.hostname = strings.TrimSpace(string(hostname))
	r := Result{Values: settings.Values{}, Generated: settings.Values{}}
	doc, err := src.parse(s)
	r.Warnings, r.Err = doc.warnings, err
	if doc.generated != nil {
		r.Generated = doc.generated
	}
	if err != nil {
		return r
	}
	if doc.found {
		r.Values, r.Sources = doc.values, []string{doc.source}
	}
	for _, local := range h.localOverrides() {
		overrides, err := local.parse(s)
		if err != nil {
			break // Gather has told
		}
		for key := range overrides.values {
			delete(r.Values, key)
			delete(r.Generated, key)
		}
	}
	return r
}

// ask is Get, but what the service does not have is no error.
func ask(ctx context.Context, c Getter, path string) ([]byte, error) {
	b, err := c.Get(ctx, path)
	if errors.Is(err, imds.ErrNotFound) {
		return nil, nil
	}
	return b, err
}

package userdata

import (
	"context"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// Settings is what the API server used to take from user data by itself.
type Settings struct {
	API API
}

// API is the group settings.api.
type API struct {
	VirtioSerial bool
}

// Loaded is what Load returns.
type Loaded struct {
	Settings Settings
	Source   string
	Warnings []string
	Err      error
}

// Load is Gather for callers without a schema.
func Load(root string) Loaded {
	r := Gather(context.Background(), Host{Root: root}, settings.Base())
	door := string(r.Values["api.virtio-serial"]) == "true"
	return Loaded{Settings{API{door}}, strings.Join(r.Sources, ", "), r.Warnings, r.Err}
}

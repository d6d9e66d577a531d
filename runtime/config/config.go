// Package config brings settings into force: at boot (Boot), where it must never
// keep the host from coming up, and whenever they change (Manager).
//
// What makes configuration files of settings is package render; what no file can
// say (the host's name, lockdown, kernel parameters that are taken back) is done
// by Kernel, in a unit of its own, so that the API's daemon need not have those
// rights.
package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-os/slipway/runtime/render"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/store"
)

// Where things are on the host.
const (
	// StoreDir holds the settings.
	StoreDir = "/var/lib/slipway/settings"
	// TakenPath says that user data was taken in.
	TakenPath = "/var/lib/slipway/user-data.json"
	// ReportPath is where Boot leaves its report; /run is emptied by every boot.
	ReportPath = "/run/slipway/settings.json"
)

// Migrations bring settings of other versions into the form of this one.
var Migrations []store.Migration

// OpenStore opens the settings of a host below root ("/" but for tests) for the
// version of the system that runs. fs is nil for the host's file system.
func OpenStore(root, version string, schema *settings.Schema, fs store.FS) (*store.Store, store.Opened, error) {
	dir := filepath.Join(root, StoreDir)
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return nil, store.Opened{}, fmt.Errorf("opening the settings: %w", err)
	}
	return store.Open(store.Options{
		FS: fs, Dir: dir, Version: version,
		Check: schema.Check, Defaults: schema.Defaults(), Migrations: Migrations, Now: time.Now,
	})
}

// LoadTemplates loads the image's templates below root.
func LoadTemplates(root string) (*render.Set, error) {
	return render.Load(os.DirFS(filepath.Join(root, render.Folder)))
}

// nest brings values, with the defaults of what they do not say, into the form
// that templates read.
func nest(schema *settings.Schema, v settings.Values) map[string]any {
	return schema.Nest(schema.WithDefaults(v))
}

// oneLine joins the lines of an error.
func oneLine(err error) string { return strings.ReplaceAll(err.Error(), "\n", "; ") }

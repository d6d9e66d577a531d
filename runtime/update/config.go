package update

import (
	"fmt"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// Config is what the settings say of updates.
type Config struct {
	MetadataURL, TargetsURL string // "": none
	Channel                 string
	Seed                    int
	Lock                    string // the only version to run; "": the newest
	IgnoreWaves             bool
	Strategy                settings.UpdateStrategy
	Window                  settings.Window
	LockURL, LockGroup      string // of FleetLock
}

// ConfigOf reads the settings of a host, defaults included.
func ConfigOf(s *settings.Schema, v settings.Values) (Config, error) {
	all, err := settings.Decode[struct {
		Updates settings.Updates `json:"updates"`
	}](s, s.WithDefaults(v))
	if err != nil {
		return Config{}, fmt.Errorf("reading the settings of updates: %w", err)
	}
	x := all.Updates
	c := Config{
		MetadataURL: string(x.MetadataBaseURL), TargetsURL: string(x.TargetsBaseURL), Channel: string(x.Channel),
		Lock: strings.TrimPrefix(string(x.VersionLock), "v"), IgnoreWaves: settings.Or(x.IgnoreWaves, false),
		Strategy: x.Strategy, Window: x.Window, LockURL: string(x.FleetLock.URL), LockGroup: string(x.FleetLock.Group),
	}
	if c.Lock == "latest" {
		c.Lock = ""
	}
	// Nobody has drawn yet: the last wave is the careful choice.
	c.Seed = int(settings.Or(x.Seed, 2047))
	if c.LockGroup == "" {
		c.LockGroup = "default"
	}
	return c, nil
}

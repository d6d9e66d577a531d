package repo

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// kindChannel is the expiry that all channels share.
const kindChannel = "channel"

const day = 24 * time.Hour

// Expiry is how long a signature holds, by role; "channel" stands for each of
// them.
type Expiry map[string]time.Duration

// DefaultExpiry suits a repository whose refresh runs daily and whose root
// keys are taken out once a year.
func DefaultExpiry() Expiry {
	return Expiry{
		metadata.ROOT: 365 * day, metadata.TARGETS: 180 * day, kindChannel: 90 * day,
		metadata.SNAPSHOT: 14 * day, metadata.TIMESTAMP: 7 * day,
	}
}

// Set takes ROLE=AGE, such as root=365d or timestamp=36h.
func (e Expiry) Set(s string) error {
	role, age, ok := strings.Cut(s, "=")
	if _, known := e[role]; !ok || !known {
		return fmt.Errorf("expiry %q is not ROLE=AGE with a role of %s", s, strings.Join(slices.Sorted(maps.Keys(e)), ", "))
	}
	d, err := ParseAge(age)
	if err != nil {
		return fmt.Errorf("expiry %q: %w", s, err)
	}
	e[role] = d
	return nil
}

// ParseAge reads a duration above 0 like 90d, 36h or 30m.
func ParseAge(s string) (time.Duration, error) {
	var d time.Duration
	var err error
	if n, ok := strings.CutSuffix(s, "d"); ok {
		var days int
		days, err = strconv.Atoi(n)
		d = time.Duration(min(days, 36500)) * day
	} else {
		d, err = time.ParseDuration(s)
	}
	if err != nil || d <= 0 {
		return 0, fmt.Errorf("%q is not an age above 0 like 90d, 36h or 30m", s)
	}
	return d, nil
}

// FormatAge writes whole days as ParseAge reads them.
func FormatAge(d time.Duration) string {
	if d%day == 0 {
		return strconv.Itoa(int(d/day)) + "d"
	}
	return d.String()
}

// Config is what the tool remembers of a repository.
type Config struct {
	Schema int
	Expiry Expiry
}

type configFile struct {
	Schema int               `json:"schema"`
	Expiry map[string]string `json:"expiry"`
}

// MarshalJSON writes ages as people write them.
func (c Config) MarshalJSON() ([]byte, error) {
	f := configFile{Schema: c.Schema, Expiry: map[string]string{}}
	for role, d := range c.Expiry {
		f.Expiry[role] = FormatAge(d)
	}
	return json.Marshal(f)
}

func parseConfig(data []byte) (Config, error) {
	var f configFile
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&f); err != nil {
		return Config{}, err
	}
	if f.Schema != 1 {
		return Config{}, fmt.Errorf("schema %d: this program reads schema 1 only", f.Schema)
	}
	c := Config{Schema: f.Schema, Expiry: DefaultExpiry()}
	for role, age := range f.Expiry {
		if err := c.Expiry.Set(role + "=" + age); err != nil {
			return Config{}, err
		}
	}
	return c, nil
}

// expires is when a signature made now ends; TUF wants whole seconds in UTC.
func (r *Repository) expires(kind string) time.Time {
	return r.Now().UTC().Add(r.config.Expiry[kind]).Truncate(time.Second)
}

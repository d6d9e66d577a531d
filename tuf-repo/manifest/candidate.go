package manifest

import (
	"fmt"
	"slices"
	"time"
)

// Options are what a host's settings say of updates.
type Options struct {
	// IgnoreWaves takes an image before the host's wave starts.
	IgnoreWaves bool
	// Lock is the one version to run, older or newer; empty: the newest.
	Lock string
	// Refuse reports whether a version is not to be tried, since it failed
	// here; nil refuses none.
	Refuse func(version string) bool
}

// Reason says why an image is not for a host now.
type Reason string

// Reasons, from the first that is looked at to the last.
const (
	ReasonLocked  Reason = "locked"          // settings lock another version
	ReasonPaused  Reason = "paused"          // the publisher stopped it
	ReasonFailed  Reason = "failed-here"     // Options.Refuse said so
	ReasonTooOld  Reason = "step-in-the-way" // current is below min_version
	ReasonWaiting Reason = "waits-for-wave"  // Held.Until says how long
)

// Held is an image that the host would take but for a reason.
type Held struct {
	Image  *Image
	Reason Reason
	Until  time.Time // start of the host's wave, for ReasonWaiting
}

// String is one line for a person.
func (h Held) String() string {
	switch h.Reason {
	case ReasonWaiting:
		return fmt.Sprintf("%s waits for its wave until %s", h.Image.Version, h.Until.UTC().Format(time.RFC3339))
	case ReasonTooOld:
		return fmt.Sprintf("%s wants %s or newer to update from", h.Image.Version, h.Image.MinVersion)
	case ReasonFailed:
		return h.Image.Version + " failed on this host"
	case ReasonLocked:
		return h.Image.Version + " is not the version that is locked"
	}
	return h.Image.Version + " is paused"
}

// Candidate is what a host should do next.
type Candidate struct {
	// Image to update to; nil: none, stay.
	Image *Image
	// Held are newer images (with a lock: the locked one as well), newest
	// first, that are not for this host now.
	Held []Held
}

// Candidate picks the image that a host which runs current should update to:
// the newest that is not held; with a lock, the locked version, older ones
// too. Where an image wants a step in between, the step is picked first.
// seed is the host's, 0..Seeds-1. It fails for a seed out of bounds, a
// current version that is none, and a lock that the channel does not have.
func (m *Manifest) Candidate(variant, arch, current string, seed int, now time.Time, o Options) (Candidate, error) {
	if seed < 0 || seed >= Seeds {
		return Candidate{}, fmt.Errorf("choosing an update: seed %d is not from 0 to %d", seed, Seeds-1)
	}
	if !ValidVersion(current) {
		return Candidate{}, fmt.Errorf("choosing an update: running version %q is not like 1.2.3", current)
	}
	if o.Lock == current {
		return Candidate{}, nil
	}
	locked := m.Find(variant, arch, o.Lock)
	if o.Lock != "" && locked == nil {
		return Candidate{}, fmt.Errorf("choosing an update: channel %q has no version %q of %s for %s, to which this host is locked", m.Channel, o.Lock, variant, arch)
	}
	var c Candidate
	for _, i := range m.newestFirst(variant, arch) {
		if o.Lock != i.Version && CompareVersions(i.Version, current) <= 0 {
			continue
		}
		if o.Lock != "" && i != locked && !i.stepTo(locked, current) {
			c.Held = append(c.Held, Held{Image: i, Reason: ReasonLocked})
			continue
		}
		held, ok := i.hold(current, seed, now, o)
		if !ok {
			c.Image = i
			break
		}
		c.Held = append(c.Held, held)
	}
	return c, nil
}

func (m *Manifest) newestFirst(variant, arch string) []*Image {
	var images []*Image
	for n := range m.Images {
		if i := &m.Images[n]; i.Variant == variant && i.Arch == arch {
			images = append(images, i)
		}
	}
	slices.SortFunc(images, func(a, b *Image) int { return CompareVersions(b.Version, a.Version) })
	return images
}

// hold reports whether an image is held, and why.
func (i *Image) hold(current string, seed int, now time.Time, o Options) (Held, bool) {
	switch start := i.WaveStart(seed); {
	case i.Paused:
		return Held{Image: i, Reason: ReasonPaused}, true
	case o.Refuse != nil && o.Refuse(i.Version):
		return Held{Image: i, Reason: ReasonFailed}, true
	case i.wantsStep(current):
		return Held{Image: i, Reason: ReasonTooOld}, true
	case !o.IgnoreWaves && now.Before(start):
		return Held{Image: i, Reason: ReasonWaiting, Until: start}, true
	}
	return Held{}, false
}

// wantsStep reports whether current is too old to update straight to the image.
func (i *Image) wantsStep(current string) bool {
	return i.MinVersion != "" && CompareVersions(current, i.MinVersion) < 0
}

// stepTo reports whether the image is a step that the way from current to the
// locked image needs.
func (i *Image) stepTo(locked *Image, current string) bool {
	return locked.wantsStep(current) && CompareVersions(i.Version, locked.Version) < 0
}

// WaveStart is when hosts with a seed may update; zero: at any time.
func (i *Image) WaveStart(seed int) time.Time {
	for _, w := range i.Waves {
		if seed <= w.LastSeed {
			return w.Start
		}
	}
	return time.Time{}
}

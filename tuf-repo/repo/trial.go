package repo

import (
	"crypto/ed25519"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/key"
)

// TrialRing makes the keys of a trial repository: they are computed from the
// roles' names, so everybody has them. They are for tests and trials only, and
// a root of theirs says so (IsTrial).
func TrialRing(channels ...string) (*key.Ring, map[string][]*metadata.Key, error) {
	ring, keys := key.NewRing(), map[string][]*metadata.Key{}
	for _, role := range (Plan{Channels: channels}).Roles() {
		seed := sha256.Sum256([]byte("slipway trial key of " + role))
		k, err := ring.AddPrivate(role, ed25519.NewKeyFromSeed(seed[:]))
		if err != nil {
			return nil, nil, err
		}
		keys[role] = []*metadata.Key{k}
	}
	return ring, keys, nil
}

// trialExpiry is 50 years: an output of a build must not go bad.
const trialExpiry = 50 * 365 * day

// Trial makes a repository of trial keys in a folder and publishes images.
// Equal images and times give equal bytes.
func Trial(dir string, channel string, images []Addition, now time.Time, o Options) error {
	ring, keys, err := TrialRing(channel)
	if err != nil {
		return err
	}
	o.Ring, o.Now = ring, func() time.Time { return now }
	expiry := Expiry{}
	for role := range DefaultExpiry() {
		expiry[role] = trialExpiry
	}
	r, _, err := Init(dir, Plan{Channels: []string{channel}, Expiry: expiry, Keys: keys, Trial: true}, o)
	if err != nil {
		return err
	}
	defer r.Close()
	for _, a := range images {
		a.Channel = channel
		if _, err := r.Add(a); err != nil {
			return err
		}
	}
	if len(images) == 0 {
		return nil
	}
	_, err = r.Publish(channel)
	return err
}

// TrialRoot is the root of each repository that Trial makes for a channel at a
// time: images can trust it that are in none yet.
func TrialRoot(channel string, now time.Time) (root []byte, err error) {
	dir, err := os.MkdirTemp("", "trial-")
	if err != nil {
		return nil, fmt.Errorf("making the root of a trial: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := Trial(dir, channel, nil, now, Options{}); err != nil {
		return nil, err
	}
	return os.ReadFile(filepath.Join(dir, MetadataDir, "1.root.json"))
}

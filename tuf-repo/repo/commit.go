package repo

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/key"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// commit publishes a changed state: channels whose manifests changed, targets
// where they changed, and in any case a new snapshot and a new timestamp. All
// files but the last are new ones that nobody looks for yet.
func (r *Repository) commit(s *State, targets bool, channels ...string) error {
	for _, name := range channels {
		if err := r.commitChannel(s, name); err != nil {
			return fmt.Errorf("publishing channel %q: %w", name, err)
		}
	}
	if targets {
		s.Targets.Signed.Expires = r.expires(metadata.TARGETS)
		if err := r.commitTargets(s, s.Targets, metadata.TARGETS, s.rootRole(metadata.TARGETS)); err != nil {
			return fmt.Errorf("publishing targets: %w", err)
		}
	}
	if err := r.commitSnapshot(s); err != nil {
		return fmt.Errorf("publishing the snapshot: %w", err)
	}
	if err := r.commitTimestamp(s); err != nil {
		return fmt.Errorf("publishing the timestamp: %w", err)
	}
	return nil
}

// signers are the keys that may sign for a role, and how many must.
type signers struct {
	keys      []string
	threshold int
}

func (s *State) rootRole(role string) signers { return rootRole(s.Root, role) }

func rootRole(root *Root, role string) signers {
	r := root.Signed.Roles[role]
	return signers{r.KeyIDs, r.Threshold}
}

// commitChannel writes the channel's manifest and its role.
func (r *Repository) commitChannel(s *State, name string) error {
	c := s.Channels[name]
	data, err := manifest.Encode(c.Manifest)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(data)
	if err := r.Disk.Write(r.target(manifest.Path(name), hex.EncodeToString(sum[:])), data, 0o644); err != nil {
		return err
	}
	files, err := targetFiles(c.Manifest)
	if err != nil {
		return err
	}
	files[manifest.Path(name)] = &metadata.TargetFiles{Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}
	c.Meta.Signed.Targets = files
	c.Meta.Signed.Expires = r.expires(kindChannel)
	d := s.delegation(name)
	return r.commitTargets(s, c.Meta, name, signers{d.KeyIDs, d.Threshold})
}

// targetFiles lists the artefacts of a manifest as targets.
func targetFiles(m *manifest.Manifest) (map[string]*metadata.TargetFiles, error) {
	files := map[string]*metadata.TargetFiles{}
	for n := range m.Images {
		i := &m.Images[n]
		for k := range i.Artefacts {
			a := &i.Artefacts[k]
			sum, err := hex.DecodeString(a.SHA256)
			if err != nil {
				return nil, err
			}
			files[m.TargetPath(i, a)] = &metadata.TargetFiles{Length: a.Size, Hashes: metadata.Hashes{"sha256": sum}}
		}
	}
	return files, nil
}

func (r *Repository) commitTargets(s *State, m *Targets, role string, by signers) error {
	var err error
	if m.Signed.Version, err = r.nextVersion(role, m.Signed.Version); err != nil {
		return err
	}
	file, err := put(r, m, role, strconv.FormatInt(m.Signed.Version, 10)+"."+role+".json", by)
	if err != nil {
		return err
	}
	file.Version = m.Signed.Version
	s.Snapshot.Signed.Meta[role+".json"] = file
	return nil
}

func (r *Repository) commitSnapshot(s *State) error {
	var err error
	signed := &s.Snapshot.Signed
	if signed.Version, err = r.nextVersion(metadata.SNAPSHOT, signed.Version); err != nil {
		return err
	}
	signed.Expires = r.expires(metadata.SNAPSHOT)
	file, err := put(r, s.Snapshot, metadata.SNAPSHOT, fmt.Sprintf("%d.snapshot.json", signed.Version), s.rootRole(metadata.SNAPSHOT))
	if err != nil {
		return err
	}
	file.Version = signed.Version
	s.Timestamp.Signed.Meta["snapshot.json"] = file
	return nil
}

func (r *Repository) commitTimestamp(s *State) error {
	s.Timestamp.Signed.Version++
	s.Timestamp.Signed.Expires = r.expires(metadata.TIMESTAMP)
	_, err := put(r, s.Timestamp, metadata.TIMESTAMP, "timestamp.json", s.rootRole(metadata.TIMESTAMP))
	return err
}

// put signs metadata anew, writes it, and returns its length and hash.
func put[T metadata.Roles](r *Repository, m *metadata.Metadata[T], role, name string, by signers) (*metadata.MetaFiles, error) {
	m.ClearSignatures()
	if err := sign(r.Ring, m, role, by); err != nil {
		return nil, err
	}
	data, err := m.ToBytes(true)
	if err != nil {
		return nil, err
	}
	if err := r.Disk.Write(r.metadata(name), data, 0o644); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return &metadata.MetaFiles{Length: int64(len(data)), Hashes: metadata.Hashes{"sha256": sum[:]}}, nil
}

// sign adds the signatures of all keys at hand. Fewer than the threshold are
// an error that says whose are missing.
func sign[T metadata.Roles](ring *key.Ring, m *metadata.Metadata[T], role string, by signers) error {
	signed := 0
	var missing []string
	for _, id := range by.keys {
		if !ring.Has(id) {
			missing = append(missing, key.Short(id))
			continue
		}
		signer, err := ring.Signer(id)
		if err != nil {
			return fmt.Errorf("signing %s: %w", role, err)
		}
		if _, err := m.Sign(signer); err != nil {
			return fmt.Errorf("signing %s: %w", role, err)
		}
		signed++
	}
	if signed < by.threshold {
		return fmt.Errorf("signing %s: %d of %d keys are at hand; not at hand: %s", role, signed, by.threshold, strings.Join(missing, ", "))
	}
	return nil
}

// require fails early where a change could not be signed.
func (r *Repository) require(role string, by signers) error {
	n := 0
	for _, id := range by.keys {
		if r.Ring.Has(id) {
			n++
		}
	}
	if n < by.threshold {
		return fmt.Errorf("%d of the %d keys that role %q needs are at hand", n, by.threshold, role)
	}
	return nil
}

// requireOnline checks the keys that each change needs.
func (r *Repository) requireOnline(s *State, channels ...string) error {
	for _, role := range []string{metadata.SNAPSHOT, metadata.TIMESTAMP} {
		if err := r.require(role, s.rootRole(role)); err != nil {
			return err
		}
	}
	for _, name := range channels {
		d := s.delegation(name)
		if err := r.require(name, signers{d.KeyIDs, d.Threshold}); err != nil {
			return err
		}
	}
	return nil
}

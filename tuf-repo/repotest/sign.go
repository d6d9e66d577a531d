package repotest

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"time"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// signer is a key.
type signer struct {
	key *metadata.Key
	id  string
	signature.Signer
}

func newSigner() (*signer, error) {
	pub, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	s := &signer{}
	if s.Signer, err = signature.LoadED25519Signer(priv); err != nil {
		return nil, err
	}
	if s.key, err = metadata.KeyFromPublicKey(pub); err != nil {
		return nil, err
	}
	s.id, err = s.key.ID()
	return s, err
}

// stranger is the name of a key that nobody trusts, second that of one that
// is listed and never signs.
const stranger, second = "stranger", "second"

var roles = []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP}

func (r *Repo) makeKeys() error {
	for _, role := range append([]string{Channel, stranger, second}, roles...) {
		var err error
		if r.keys[role], err = newSigner(); err != nil {
			return err
		}
	}
	return nil
}

// publish signs all roles anew, as their next versions.
func (r *Repo) publish() error {
	r.files = maps.Clone(r.files)
	channel, err := r.signChannel()
	if err != nil {
		return err
	}
	if err := r.signRoot(); err != nil {
		return err
	}
	targets := metadata.Targets(r.expires(metadata.TARGETS))
	targets.Signed.Delegations = r.delegations()
	targetsFile, err := seal(r, targets, metadata.TARGETS, &targets.Signed.Version)
	if err != nil {
		return err
	}
	snapshot := metadata.Snapshot(r.expires(metadata.SNAPSHOT))
	snapshot.Signed.Meta = map[string]*metadata.MetaFiles{
		"targets.json": r.listed(metadata.TARGETS, targetsFile), Channel + ".json": r.listed(Channel, channel),
	}
	snapshotFile, err := seal(r, snapshot, metadata.SNAPSHOT, &snapshot.Signed.Version)
	if err != nil {
		return err
	}
	timestamp := metadata.Timestamp(r.expires(metadata.TIMESTAMP))
	timestamp.Signed.Meta["snapshot.json"] = r.listed(metadata.SNAPSHOT, snapshotFile)
	if _, err := seal(r, timestamp, metadata.TIMESTAMP, &timestamp.Signed.Version); err != nil {
		return err
	}
	r.past = append(r.past, r.files)
	return nil
}

// listed is the version of a role that the role above it lists: the client
// has seen the one before the newest, so that a rollback is two back.
func (r *Repo) listed(role string, newest *metadata.MetaFiles) *metadata.MetaFiles {
	if r.faults.rolledBack[role] {
		return metadata.MetaFile(newest.Version - 2)
	}
	return newest
}

// validity is how long metadata holds.
const validity = 24 * time.Hour

func (r *Repo) expires(role string) time.Time {
	if r.faults.expired[role] {
		return r.now.Add(-time.Hour)
	}
	return r.Expires()
}

// signRoot publishes a root where there is none yet, or a fault of it was
// ordered; else the one with a fault goes.
func (r *Repo) signRoot() error {
	f := r.faults
	faulty := f.expired[metadata.ROOT] || f.wrongKey[metadata.ROOT] || anyOf(f.underThreshold, roles)
	r.version[metadata.ROOT] = r.root
	delete(r.files, r.file(metadata.ROOT, 1))
	if r.root > 0 && !faulty {
		return nil
	}
	if !faulty {
		r.root++
	}
	root := metadata.Root(r.expires(metadata.ROOT))
	for _, role := range roles {
		if err := root.Signed.AddKey(r.keys[role].key, role); err != nil {
			return err
		}
		if f.underThreshold[role] {
			if err := root.Signed.AddKey(r.keys[second].key, role); err != nil {
				return err
			}
			root.Signed.Roles[role].Threshold = 2
		}
	}
	_, err := seal(r, root, metadata.ROOT, &root.Signed.Version)
	return err
}

func anyOf(m map[string]bool, names []string) bool {
	for _, name := range names {
		if m[name] {
			return true
		}
	}
	return false
}

func (r *Repo) delegations() *metadata.Delegations {
	k := r.keys[Channel]
	d := &metadata.Delegations{Keys: map[string]*metadata.Key{k.id: k.key}, Roles: []metadata.DelegatedRole{{
		Name: Channel, KeyIDs: []string{k.id}, Threshold: 1, Terminating: true,
		Paths: []string{Channel + "/manifest.json", Channel + "/*/*/*/*"},
	}}}
	if r.faults.underThreshold[Channel] {
		other := r.keys[second]
		d.Keys[other.id] = other.key
		d.Roles[0].KeyIDs, d.Roles[0].Threshold = append(d.Roles[0].KeyIDs, other.id), 2
	}
	return d
}

// signChannel publishes the manifest and lists all targets.
func (r *Repo) signChannel() (*metadata.MetaFiles, error) {
	data, err := manifest.Encode(r.manifest)
	if err != nil {
		return nil, err
	}
	r.content[manifest.Path(Channel)] = data
	channel := metadata.Targets(r.expires(Channel))
	for name, content := range r.content {
		sum := sha256.Sum256(content)
		channel.Signed.Targets[name] = &metadata.TargetFiles{Length: int64(len(content)), Hashes: metadata.Hashes{"sha256": sum[:]}}
		dir, base := path.Split(name)
		r.files["targets/"+dir+hex.EncodeToString(sum[:])+"."+base] = content
	}
	return seal(r, channel, Channel, &channel.Signed.Version)
}

// seal signs metadata as its role's next version and puts it among the files.
func seal[T metadata.Roles](r *Repo, m *metadata.Metadata[T], role string, version *int64) (*metadata.MetaFiles, error) {
	r.version[role]++
	*version = r.version[role]
	by := r.keys[role]
	if r.faults.wrongKey[role] {
		by = r.keys[stranger]
	}
	if _, err := m.Sign(by); err != nil {
		return nil, err
	}
	data, err := m.ToBytes(false)
	if err != nil {
		return nil, err
	}
	name := fmt.Sprintf("metadata/%d.%s.json", *version, role)
	if role == metadata.TIMESTAMP {
		name = "metadata/timestamp.json"
	}
	r.files[name] = data
	return metadata.MetaFile(*version), nil
}

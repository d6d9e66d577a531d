package repo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
)

// Plan is a repository to be made.
type Plan struct {
	Channels []string
	Expiry   Expiry
	// Keys are those of the roles root, targets, snapshot and timestamp, and
	// of each channel.
	Keys map[string][]*metadata.Key
	// Thresholds say how many keys must sign; those left out: 1.
	Thresholds map[string]int
	// Trial marks the root: its keys are known to everybody.
	Trial bool
}

// trialField marks the root of a repository whose keys are no secret.
const trialField = "x-slipway-trial"

// IsTrial reports whether a root says that its keys are no secret.
func IsTrial(root *Root) bool { return root.Signed.UnrecognizedFields[trialField] == true }

// topLevel are the roles that the root lists.
var topLevel = []string{metadata.ROOT, metadata.TARGETS, metadata.SNAPSHOT, metadata.TIMESTAMP}

// Roles lists the roles that need keys, in order.
func (p Plan) Roles() []string { return append(slices.Clone(topLevel), p.Channels...) }

func (p Plan) check() error {
	if len(p.Channels) == 0 {
		return errors.New("a repository needs a channel")
	}
	for n, c := range p.Channels {
		if err := CheckChannel(c); err != nil {
			return err
		}
		if slices.Contains(p.Channels[:n], c) {
			return fmt.Errorf("channel %q is named twice", c)
		}
	}
	for _, role := range p.Roles() {
		if t := p.threshold(role); t < 1 || t > len(p.Keys[role]) {
			return fmt.Errorf("role %q: a threshold of %d with %d keys", role, t, len(p.Keys[role]))
		}
	}
	return nil
}

func (p Plan) threshold(role string) int {
	if t, ok := p.Thresholds[role]; ok {
		return t
	}
	return 1
}

// CheckChannel reports why a channel cannot have a name.
func CheckChannel(name string) error {
	if slices.Contains(topLevel, name) {
		return fmt.Errorf("channel %q: that is the name of a role of TUF", name)
	}
	return manifest.CheckName("channel", name)
}

// Init makes a repository in a folder that has none. Where not enough of the
// root's keys are at hand, the root waits for signatures (Pending) and
// nothing is published yet.
func Init(dir string, p Plan, o Options) (*Repository, *Pending, error) {
	if err := p.check(); err != nil {
		return nil, nil, fmt.Errorf("making repository %s: %w", dir, err)
	}
	r := newRepository(dir, o)
	r.config = Config{Schema: 1, Expiry: p.Expiry}
	if _, err := os.Lstat(r.private("config.json")); err == nil {
		return finishInit(dir, o)
	}
	pending, err := r.begin(p)
	if err != nil {
		r.Close()
		return nil, nil, fmt.Errorf("making repository %s: %w", dir, err)
	}
	return r, pending, nil
}

// finishInit goes on where the making of a repository stopped.
func finishInit(dir string, o Options) (*Repository, *Pending, error) {
	r, err := Open(dir, o)
	if err != nil {
		return nil, nil, err
	}
	pending, err := r.Pending()
	if err == nil && (pending == nil || pending.Role != initRole) {
		err = fmt.Errorf("making repository %s: there is one already", dir)
	}
	if err == nil {
		pending, err = r.Continue()
	}
	if err != nil {
		r.Close()
		return nil, nil, err
	}
	return r, pending, nil
}

func (r *Repository) begin(p Plan) (*Pending, error) {
	if err := r.Disk.MkdirAll(r.private()); err != nil {
		return nil, err
	}
	var err error
	if r.unlock, err = disk.Lock(r.private("lock")); err != nil {
		return nil, err
	}
	root, err := firstRoot(r, p)
	if err != nil {
		return nil, err
	}
	// A delegation is kept with the root that it starts with, until then.
	pending := &Pending{Role: initRole, Roots: []*Root{root}, Delegations: newDelegations()}
	for _, name := range p.Channels {
		if err := delegate(pending.Delegations, name, p.Keys[name], p.threshold(name)); err != nil {
			return nil, err
		}
	}
	if err := r.signPending(pending); err != nil {
		return nil, err
	}
	if err := r.savePending(pending); err != nil {
		return nil, err
	}
	if err := r.writeJSON(r.private("config.json"), r.config); err != nil {
		return nil, err
	}
	return r.Continue()
}

func firstRoot(r *Repository, p Plan) (*Root, error) {
	root := metadata.Root(r.expires(metadata.ROOT))
	for _, role := range topLevel {
		for _, k := range p.Keys[role] {
			if err := root.Signed.AddKey(k, role); err != nil {
				return nil, err
			}
		}
		root.Signed.Roles[role].Threshold = p.threshold(role)
	}
	if p.Trial {
		root.Signed.UnrecognizedFields = map[string]any{trialField: true}
	}
	return root, nil
}

func newDelegations() *metadata.Delegations {
	return &metadata.Delegations{Keys: map[string]*metadata.Key{}}
}

// delegate adds a channel. Its role is terminating: no other role says
// anything of the channel's paths.
func delegate(d *metadata.Delegations, name string, keys []*metadata.Key, threshold int) error {
	role := metadata.DelegatedRole{Name: name, Threshold: threshold, Terminating: true, Paths: manifest.Delegated(name)}
	for _, k := range keys {
		id, err := k.ID()
		if err != nil {
			return err
		}
		d.Keys[id] = k
		role.KeyIDs = append(role.KeyIDs, id)
	}
	d.Roles = append(d.Roles, role)
	return nil
}

// emptyState is what is published first.
func emptyState(root *Root, d *metadata.Delegations) *State {
	s := &State{Root: root, Targets: metadata.Targets(), Snapshot: metadata.Snapshot(), Timestamp: metadata.Timestamp(), Channels: map[string]*Channel{}}
	s.Targets.Signed.Delegations = d
	for _, role := range d.Roles {
		s.Channels[role.Name] = emptyChannel(role.Name)
	}
	for _, version := range []*int64{&s.Targets.Signed.Version, &s.Snapshot.Signed.Version, &s.Timestamp.Signed.Version} {
		*version = 0 // the commit counts on
	}
	return s
}

func emptyChannel(name string) *Channel {
	c := &Channel{Meta: metadata.Targets(), Manifest: &manifest.Manifest{Schema: manifest.Schema, Channel: name}}
	c.Meta.Signed.Version = 0
	return c
}

// AddChannel delegates a new channel to keys, empty at first.
func (r *Repository) AddChannel(name string, keys []*metadata.Key, threshold int) error {
	if err := CheckChannel(name); err != nil {
		return err
	}
	if threshold < 1 || threshold > len(keys) {
		return fmt.Errorf("channel %q: a threshold of %d with %d keys", name, threshold, len(keys))
	}
	s, err := r.Load()
	if err != nil {
		return err
	}
	if s.Channels[name] != nil {
		return fmt.Errorf("there is a channel %q already", name)
	}
	if err := delegate(s.Targets.Signed.Delegations, name, keys, threshold); err != nil {
		return err
	}
	if err := r.require(metadata.TARGETS, s.rootRole(metadata.TARGETS)); err != nil {
		return err
	}
	if err := r.requireOnline(s, name); err != nil {
		return err
	}
	s.Channels[name] = emptyChannel(name)
	return r.commit(s, true, name)
}

// RootPath is the file of the newest root, which hosts and mirrors begin
// with.
func (r *Repository) RootPath() (string, error) {
	root, err := r.loadRoot()
	if err != nil {
		return "", err
	}
	return filepath.Join(r.Dir, MetadataDir, fmt.Sprintf("%d.root.json", root.Signed.Version)), nil
}

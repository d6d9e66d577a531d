package repo

import (
	"errors"
	"fmt"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/key"
)

// Rotation is a change of a role's keys.
type Rotation struct {
	Role   string // root, targets, snapshot, timestamp or a channel
	Add    []*metadata.Key
	Remove []string // key IDs
	// Threshold is how many keys must sign; 0: as before.
	Threshold int
}

// Rotate changes the keys of a role. A rotation of root that changes nothing
// renews it: same keys, new expiry. For channels it is published at once; for
// the roles of the root, once the root has its signatures: the change that
// waits is returned where keys are not at hand.
func (r *Repository) Rotate(change Rotation) (*Pending, error) {
	s, err := r.Load()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(topLevel, change.Role) {
		return nil, r.rotateChannel(s, change)
	}
	if waiting, err := r.Pending(); err != nil || waiting != nil {
		return nil, errors.Join(err, fmt.Errorf("a change of %s waits already: finish it (tufrepo rotate --continue) or drop it (--abandon)", waitingRole(waiting)))
	}
	if change.Role != metadata.ROOT && change.empty() {
		return nil, fmt.Errorf("rotating %s: no key to add or remove and no new threshold", change.Role)
	}
	p, err := r.plan(s.Root, change)
	if err != nil {
		return nil, fmt.Errorf("rotating %s: %w", change.Role, err)
	}
	if err := r.signPending(p); err != nil {
		return nil, err
	}
	if err := r.savePending(p); err != nil {
		return nil, err
	}
	return r.Continue()
}

func waitingRole(p *Pending) string {
	if p == nil {
		return "the root"
	}
	return p.Role
}

func (c Rotation) empty() bool { return len(c.Add) == 0 && len(c.Remove) == 0 && c.Threshold == 0 }

// plan makes the roots of a change.
func (r *Repository) plan(current *Root, change Rotation) (*Pending, error) {
	last, err := r.nextRoot(current)
	if err != nil {
		return nil, err
	}
	if err := change.edit(last); err != nil {
		return nil, err
	}
	if change.Role == metadata.ROOT {
		return &Pending{Role: change.Role, Roots: []*Root{last}}, nil
	}
	// Both the old keys and the new ones sign: what the old ones signed stays
	// valid, and so does what the new ones sign before the old are gone.
	both, err := r.nextRoot(current)
	if err != nil {
		return nil, err
	}
	union := Rotation{Role: change.Role, Add: change.Add, Threshold: min(current.Signed.Roles[change.Role].Threshold, last.Signed.Roles[change.Role].Threshold)}
	if err := union.edit(both); err != nil {
		return nil, err
	}
	last.Signed.Version++
	return &Pending{Role: change.Role, Roots: []*Root{both, last}}, nil
}

// nextRoot is a copy with the next version, a new expiry and no signatures.
func (r *Repository) nextRoot(root *Root) (*Root, error) {
	data, err := root.ToBytes(false)
	if err != nil {
		return nil, err
	}
	next, err := metadata.Root().FromBytes(data)
	if err != nil {
		return nil, err
	}
	next.ClearSignatures()
	next.Signed.Version++
	next.Signed.Expires = r.expires(metadata.ROOT)
	return next, nil
}

// edit changes the role in a root.
func (c Rotation) edit(root *Root) error {
	for _, k := range c.Add {
		if err := root.Signed.AddKey(k, c.Role); err != nil {
			return err
		}
	}
	for _, id := range c.Remove {
		if err := root.Signed.RevokeKey(id, c.Role); err != nil {
			return err
		}
	}
	role := root.Signed.Roles[c.Role]
	if c.Threshold != 0 {
		role.Threshold = c.Threshold
	}
	return checkThreshold(role.Threshold, role.KeyIDs)
}

func checkThreshold(threshold int, keys []string) error {
	if threshold < 1 || threshold > len(keys) {
		return fmt.Errorf("a threshold of %d with %d keys", threshold, len(keys))
	}
	return nil
}

// rotateChannel changes the delegation and signs the channel by its new keys;
// hosts see both at once.
func (r *Repository) rotateChannel(s *State, c Rotation) error {
	if _, err := s.channel(c.Role); err != nil {
		return err
	}
	if c.empty() {
		return fmt.Errorf("rotating %s: no key to add or remove and no new threshold", c.Role)
	}
	signed := &s.Targets.Signed
	for _, k := range c.Add {
		if err := signed.AddKey(k, c.Role); err != nil {
			return err
		}
	}
	for _, id := range c.Remove {
		if err := signed.RevokeKey(id, c.Role); err != nil {
			return err
		}
	}
	d := s.delegation(c.Role)
	if c.Threshold != 0 {
		d.Threshold = c.Threshold
	}
	if err := checkThreshold(d.Threshold, d.KeyIDs); err != nil {
		return fmt.Errorf("rotating %s: %w", c.Role, err)
	}
	if err := r.require(metadata.TARGETS, s.rootRole(metadata.TARGETS)); err != nil {
		return err
	}
	if err := r.requireOnline(s, c.Role); err != nil {
		return err
	}
	return r.commit(s, true, c.Role)
}

// KeysOf lists the key IDs of a role.
func (s *State) KeysOf(role string) ([]string, error) {
	if top, ok := s.Root.Signed.Roles[role]; ok {
		return top.KeyIDs, nil
	}
	if _, err := s.channel(role); err != nil {
		return nil, err
	}
	return s.delegation(role).KeyIDs, nil
}

// FindKey returns the one key of a role that has a name in the ring, or whose
// ID begins with it.
func (r *Repository) FindKey(s *State, role, name string) (string, error) {
	ids, err := s.KeysOf(role)
	if err != nil {
		return "", err
	}
	if id, ok := r.Ring.Find(name); ok && slices.Contains(ids, id) {
		return id, nil
	}
	var found []string
	for _, id := range ids {
		if len(name) >= 4 && len(id) >= len(name) && id[:len(name)] == name {
			found = append(found, id)
		}
	}
	if len(found) != 1 {
		return "", fmt.Errorf("%d keys of role %q are called %q", len(found), role, key.Short(name))
	}
	return found[0], nil
}

package repo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/key"
)

// initRole stands in Pending.Role for the making of a repository.
const initRole = "init"

// Pending is a change of the root that is decided and not yet done: it waits
// for signatures, or the tool died in the midst of it.
type Pending struct {
	// Role whose keys change, or "init".
	Role string `json:"role"`
	// Roots follow the published one. To change another role than root there
	// are two: the first takes the old keys and the new ones, so that what is
	// published stays valid until it is signed anew; the second the new ones.
	Roots []*Root `json:"roots"`
	// Delegations are the first channels, for "init".
	Delegations *metadata.Delegations `json:"delegations,omitempty"`
}

func (r *Repository) pendingPath() string { return r.private("pending.json") }

// Pending returns the change that waits, nil if there is none.
func (r *Repository) Pending() (*Pending, error) {
	data, err := os.ReadFile(r.pendingPath())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	p := &Pending{}
	if err := json.Unmarshal(data, p); err != nil {
		return nil, fmt.Errorf("reading %s: %w", r.pendingPath(), err)
	}
	if len(p.Roots) == 0 {
		return nil, fmt.Errorf("reading %s: it has no root", r.pendingPath())
	}
	return p, nil
}

func (r *Repository) savePending(p *Pending) error { return r.writeJSON(r.pendingPath(), p) }

// Abandon drops a change that waits, as long as none of it is published.
func (r *Repository) Abandon() error {
	p, err := r.Pending()
	if err != nil {
		return err
	}
	if p == nil {
		return errors.New("no change of the root waits")
	}
	root, err := r.loadRoot()
	if err != nil {
		return err
	}
	if p.Roots[0].Signed.Version <= root.Signed.Version {
		return errors.New("the change is partly published and must be finished (tufrepo rotate --continue)")
	}
	return r.Disk.RemoveAll(r.pendingPath())
}

// before returns the root that comes before the n-th of a change; nil before
// the first of all.
func (r *Repository) before(p *Pending, n int) (*Root, error) {
	if n > 0 {
		return p.Roots[n-1], nil
	}
	version := p.Roots[0].Signed.Version - 1
	if version == 0 {
		return nil, nil
	}
	return read(r, metadata.Root(), fmt.Sprintf("%d.root.json", version), nil)
}

// signPending adds the signatures of the keys at hand.
func (r *Repository) signPending(p *Pending) error {
	for n, root := range p.Roots {
		old, err := r.before(p, n)
		if err != nil {
			return err
		}
		if _, err := signRoot(r.Ring, old, root); err != nil {
			return err
		}
	}
	return nil
}

// rootKeys are the keys whose signatures a root may need: its own and those of
// the root before it.
func rootKeys(old, root *Root) map[string]*metadata.Key {
	keys := map[string]*metadata.Key{}
	for _, from := range []*Root{old, root} {
		if from == nil {
			continue
		}
		for _, id := range from.Signed.Roles[metadata.ROOT].KeyIDs {
			keys[id] = from.Signed.Keys[id]
		}
	}
	return keys
}

// signRoot signs a root by the keys at hand that it needs and returns their
// IDs.
func signRoot(ring *key.Ring, old, root *Root) ([]string, error) {
	var added []string
	for id := range rootKeys(old, root) {
		if signedBy(root, id) || !ring.Has(id) {
			continue
		}
		signer, err := ring.Signer(id)
		if err != nil {
			return nil, err
		}
		if _, err := root.Sign(signer); err != nil {
			return nil, fmt.Errorf("signing root %d: %w", root.Signed.Version, err)
		}
		added = append(added, id)
	}
	slices.Sort(added)
	return added, nil
}

func signedBy(root *Root, id string) bool {
	return slices.ContainsFunc(root.Signatures, func(s metadata.Signature) bool { return s.KeyID == id })
}

// Missing says which signatures a waiting change lacks, a line for each root;
// none: it can be published.
func (r *Repository) Missing(p *Pending) ([]string, error) {
	var lines []string
	for n, root := range p.Roots {
		old, err := r.before(p, n)
		if err != nil {
			return nil, err
		}
		if err := VerifyRoot(old, root); err == nil {
			continue
		}
		line := fmt.Sprintf("root %d: signed by %d keys, wants %s", root.Signed.Version, len(root.Signatures), wanted(root))
		if old != nil {
			line += fmt.Sprintf(" and, for root %d, %s", old.Signed.Version, wanted(old))
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func wanted(root *Root) string {
	role := root.Signed.Roles[metadata.ROOT]
	var ids []byte
	for n, id := range role.KeyIDs {
		if n > 0 {
			ids = append(ids, ", "...)
		}
		ids = append(ids, key.Short(id)...)
	}
	return fmt.Sprintf("%d of %s", role.Threshold, ids)
}

// Continue publishes the change that waits, from where it stopped. Where
// signatures are missing it returns the change and does nothing.
func (r *Repository) Continue() (*Pending, error) {
	p, err := r.Pending()
	if err != nil || p == nil {
		return nil, err
	}
	missing, err := r.Missing(p)
	if err != nil || len(missing) > 0 {
		return p, err
	}
	if err := r.apply(p); err != nil {
		return p, fmt.Errorf("changing the keys of %s: %w", p.Role, err)
	}
	return nil, r.Disk.RemoveAll(r.pendingPath())
}

// apply publishes a change whose roots are all signed.
func (r *Repository) apply(p *Pending) error {
	first, last := p.Roots[0], p.Roots[len(p.Roots)-1]
	for _, role := range topLevel[1:] {
		if p.Role != metadata.ROOT && (role != metadata.TARGETS || p.Role == metadata.TARGETS || p.Role == initRole) {
			if err := r.require(role, rootRole(last, role)); err != nil {
				return err
			}
		}
	}
	if err := r.putRoot(first); err != nil {
		return err
	}
	switch {
	case p.Role == initRole:
		return r.firstCommit(p)
	case p.Role == metadata.ROOT:
		return nil
	}
	if current, err := r.loadRoot(); err != nil || current.Signed.Version >= last.Signed.Version {
		return err
	}
	s, err := r.Load()
	if err != nil {
		return err
	}
	if err := r.commit(s, p.Role == metadata.TARGETS); err != nil {
		return err
	}
	return r.putRoot(last)
}

func (r *Repository) firstCommit(p *Pending) error {
	if _, err := os.Lstat(r.metadata("timestamp.json")); err == nil {
		return nil
	}
	s := emptyState(p.Roots[0], p.Delegations)
	return r.commit(s, true, s.ChannelNames()...)
}

// putRoot writes a root, which hosts look for by its number: it must not
// change once it is there.
func (r *Repository) putRoot(root *Root) error {
	data, err := root.ToBytes(true)
	if err != nil {
		return err
	}
	path := r.metadata(fmt.Sprintf("%d.root.json", root.Signed.Version))
	if old, err := os.ReadFile(path); err == nil {
		if !bytes.Equal(old, data) {
			return fmt.Errorf("%s is there with another content", path)
		}
		return nil
	}
	return r.Disk.Write(path, data, 0o644)
}

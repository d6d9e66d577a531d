package repo

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/key"
)

// A ceremony folder carries a change of the root to the machine of a root key
// and back: trusted.root.json is the root that hosts have (none for a new
// repository), N.root.json are those to sign.
const trustedName = "trusted.root.json"

// Export writes the change that waits to a ceremony folder.
func (r *Repository) Export(dir string) error {
	p, err := r.Pending()
	if err != nil {
		return err
	}
	if p == nil {
		return errors.New("no change of the root waits for signatures")
	}
	old, err := r.before(p, 0)
	if err != nil {
		return err
	}
	if old != nil {
		if err := writeRoot(r.Disk, filepath.Join(dir, trustedName), old); err != nil {
			return err
		}
	}
	for _, root := range p.Roots {
		if err := writeRoot(r.Disk, filepath.Join(dir, rootName(root)), root); err != nil {
			return err
		}
	}
	return nil
}

func rootName(root *Root) string { return fmt.Sprintf("%d.root.json", root.Signed.Version) }

func writeRoot(d *disk.Disk, path string, root *Root) error {
	data, err := root.ToBytes(true)
	if err != nil {
		return err
	}
	return d.Write(path, data, 0o644)
}

func readRoot(path string) (*Root, error) {
	root, err := metadata.Root().FromFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", path, err)
	}
	return root, nil
}

// Signed is a root of a ceremony, as it is after signing.
type Signed struct {
	Root  *Root
	Added []string // IDs of the keys that signed it now
}

// SignFolder signs the roots in a ceremony folder by the keys at hand. It
// needs no repository.
func SignFolder(d *disk.Disk, dir string, ring *key.Ring) ([]Signed, error) {
	roots, old, err := readCeremony(dir)
	if err != nil {
		return nil, err
	}
	var all []Signed
	for _, root := range roots {
		added, err := signRoot(ring, old, root)
		if err != nil {
			return nil, err
		}
		if len(added) > 0 {
			if err := writeRoot(d, filepath.Join(dir, rootName(root)), root); err != nil {
				return nil, err
			}
		}
		all = append(all, Signed{root, added})
		old = root
	}
	return all, nil
}

// readCeremony reads the roots to sign, in order, and the one before them,
// which signs itself and which they must follow.
func readCeremony(dir string) (roots []*Root, old *Root, err error) {
	old, err = readRoot(filepath.Join(dir, trustedName))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return nil, nil, err
	default:
		if err := VerifyRoot(nil, old); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", trustedName, err)
		}
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.root.json"))
	if err != nil {
		return nil, nil, err
	}
	for _, path := range paths {
		name := filepath.Base(path)
		if name == trustedName {
			continue
		}
		root, err := readRoot(path)
		if err != nil {
			return nil, nil, err
		}
		if v, err := strconv.ParseInt(strings.TrimSuffix(name, ".root.json"), 10, 64); err != nil || v != root.Signed.Version {
			return nil, nil, fmt.Errorf("%s holds root %d", path, root.Signed.Version)
		}
		roots = append(roots, root)
	}
	if len(roots) == 0 {
		return nil, nil, fmt.Errorf("%s holds no root to sign (N.root.json)", dir)
	}
	slices.SortFunc(roots, func(a, b *Root) int { return int(a.Signed.Version - b.Signed.Version) })
	return roots, old, checkSequence(old, roots)
}

func checkSequence(old *Root, roots []*Root) error {
	want := int64(1)
	if old != nil {
		want = old.Signed.Version + 1
	}
	for _, root := range roots {
		if root.Signed.Version != want {
			return fmt.Errorf("root %d does not follow root %d", root.Signed.Version, want-1)
		}
		want++
	}
	return nil
}

// Import takes the signatures of a ceremony folder and, if they suffice,
// publishes the change; else it returns the change. Signatures that are not of
// a root key, or do not fit, are an error, and so is another content.
func (r *Repository) Import(dir string) (*Pending, error) {
	p, err := r.Pending()
	if err != nil {
		return nil, err
	}
	if p == nil {
		return nil, errors.New("no change of the root waits for signatures")
	}
	for n, root := range p.Roots {
		signed, err := readRoot(filepath.Join(dir, rootName(root)))
		if err != nil {
			return nil, err
		}
		old, err := r.before(p, n)
		if err != nil {
			return nil, err
		}
		if err := merge(root, signed, rootKeys(old, root)); err != nil {
			return nil, fmt.Errorf("importing %s: %w", rootName(root), err)
		}
	}
	if err := r.savePending(p); err != nil {
		return nil, err
	}
	return r.Continue()
}

// merge adds the signatures of a signed copy to a root.
func merge(root, signed *Root, keys map[string]*metadata.Key) error {
	a, err := json.Marshal(root.Signed)
	if err != nil {
		return err
	}
	b, err := json.Marshal(signed.Signed)
	if err != nil {
		return err
	}
	if string(a) != string(b) {
		return errors.New("it is not what was exported")
	}
	for _, s := range signed.Signatures {
		if signedBy(root, s.KeyID) {
			continue
		}
		if err := verifyOne(signed, s.KeyID, keys[s.KeyID]); err != nil {
			return fmt.Errorf("signature of key %s: %w", key.Short(s.KeyID), err)
		}
		root.Signatures = append(root.Signatures, s)
	}
	return nil
}

// verifyOne checks one signature of a root.
func verifyOne(root *Root, id string, k *metadata.Key) error {
	if k == nil {
		return errors.New("it is no root key")
	}
	judge := metadata.Root()
	judge.Signed.Keys[id] = k
	judge.Signed.Roles[metadata.ROOT] = &metadata.Role{KeyIDs: []string{id}, Threshold: 1}
	return judge.VerifyDelegate(metadata.ROOT, root)
}

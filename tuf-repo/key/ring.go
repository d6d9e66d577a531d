package key

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/sigstore/sigstore/pkg/signature"
	"github.com/theupdateframework/go-tuf/v2/metadata"
)

// Ring is the keys at hand: a folder's, opened when they are first used.
type Ring struct {
	dir        string
	passphrase func(name string) (string, error)
	names      map[string]string // of NAME.pub, by key ID
	open       map[string]signature.Signer
}

// NewRing returns a ring of no keys.
func NewRing() *Ring {
	return &Ring{names: map[string]string{}, open: map[string]signature.Signer{}}
}

// OpenRing lists the keys of a folder; none where the folder is missing.
// passphrase is asked once for each key that signs.
func OpenRing(dir string, passphrase func(name string) (string, error)) (*Ring, error) {
	r := NewRing()
	r.dir, r.passphrase = dir, passphrase
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing keys: %w", err)
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".pub")
		if !ok {
			continue
		}
		k, err := Public(filepath.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		if err := r.add(name, k); err != nil {
			return nil, err
		}
	}
	return r, nil
}

func (r *Ring) add(name string, k *metadata.Key) error {
	id, err := k.ID()
	if err != nil {
		return err
	}
	r.names[id] = name
	return nil
}

// AddPrivate puts an open key into the ring.
func (r *Ring) AddPrivate(name string, priv ed25519.PrivateKey) (*metadata.Key, error) {
	k, err := metadata.KeyFromPublicKey(priv.Public())
	if err != nil {
		return nil, err
	}
	if err := r.add(name, k); err != nil {
		return nil, err
	}
	id, err := k.ID()
	if err != nil {
		return nil, err
	}
	r.open[id], err = signature.LoadED25519Signer(priv)
	return k, err
}

// Find returns the ID of the key whose file has a name.
func (r *Ring) Find(name string) (string, bool) {
	for id, n := range r.names {
		if n == name {
			return id, true
		}
	}
	return "", false
}

// Name is a key's file name without its ending, "" for keys not in the ring.
func (r *Ring) Name(id string) string { return r.names[id] }

// Has reports whether a key can sign: its private part is at hand.
func (r *Ring) Has(id string) bool {
	if r.open[id] != nil {
		return true
	}
	name, ok := r.names[id]
	if !ok {
		return false
	}
	_, err := os.Stat(r.path(name))
	return err == nil
}

func (r *Ring) path(name string) string { return filepath.Join(r.dir, name+".key") }

// Signer opens a key of the ring. A file whose private part is not that of
// its public part is an error.
func (r *Ring) Signer(id string) (signature.Signer, error) {
	if s := r.open[id]; s != nil {
		return s, nil
	}
	name, ok := r.names[id]
	if !ok {
		return nil, fmt.Errorf("key %s is not in %s", Short(id), r.dir)
	}
	secret, err := r.passphrase(name)
	if err != nil {
		return nil, err
	}
	priv, err := Open(r.path(name), secret)
	if err != nil {
		return nil, err
	}
	k, err := metadata.KeyFromPublicKey(priv.Public())
	if err != nil {
		return nil, err
	}
	if got, err := k.ID(); err != nil || got != id {
		return nil, fmt.Errorf("%s and %s.pub are of different keys", r.path(name), name)
	}
	s, err := signature.LoadED25519Signer(priv)
	if err != nil {
		return nil, err
	}
	r.open[id] = s
	return s, nil
}

// Short is the beginning of a key ID, enough to tell keys apart.
func Short(id string) string { return id[:min(len(id), 12)] }

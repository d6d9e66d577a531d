// Package key keeps the keys that sign a repository: one file for each key,
// NAME.key, encrypted with a passphrase (an armoured age file around PKCS#8
// PEM, so that `age -d` opens it too), and beside it the public part,
// NAME.pub (PEM). Keys are Ed25519.
package key

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/disk"
)

// WorkFactor is the usual cost of a guess at a passphrase: scrypt takes
// 2^WorkFactor rounds, about a second.
const WorkFactor = 18

// maxFile is the size, in bytes, that a key file may have.
const maxFile = 64 << 10

// Make makes a key and writes dir/name.key and dir/name.pub. It fails where
// the key is there; where only name.key is, since a tool died in between, it
// writes name.pub. workFactor is the cost, see WorkFactor.
func Make(d *disk.Disk, dir, name string, workFactor int, passphrase func(name string) (string, error)) (*metadata.Key, error) {
	private, public := filepath.Join(dir, name+".key"), filepath.Join(dir, name+".pub")
	if _, err := os.Lstat(public); err == nil {
		return nil, fmt.Errorf("making key %q: %s is there already", name, public)
	}
	secret, err := passphrase(name)
	if err != nil {
		return nil, err
	}
	var priv ed25519.PrivateKey
	if _, err := os.Lstat(private); err == nil {
		priv, err = Open(private, secret)
		if err != nil {
			return nil, err
		}
	} else if priv, err = makePrivate(d, private, secret, workFactor); err != nil {
		return nil, fmt.Errorf("making key %q: %w", name, err)
	}
	pub := priv.Public().(ed25519.PublicKey)
	encoded, err := encodePublic(pub)
	if err != nil {
		return nil, err
	}
	if err := d.Write(public, encoded, 0o644); err != nil {
		return nil, err
	}
	return metadata.KeyFromPublicKey(pub)
}

func makePrivate(d *disk.Disk, path, passphrase string, workFactor int) (ed25519.PrivateKey, error) {
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	sealed, err := seal(priv, passphrase, workFactor)
	if err != nil {
		return nil, err
	}
	return priv, d.Write(path, sealed, 0o600)
}

func encodePublic(pub ed25519.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

func seal(priv ed25519.PrivateKey, passphrase string, workFactor int) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(priv)
	if err != nil {
		return nil, err
	}
	recipient, err := age.NewScryptRecipient(passphrase)
	if err != nil {
		return nil, err
	}
	recipient.SetWorkFactor(workFactor)
	var b bytes.Buffer
	armoured := armor.NewWriter(&b)
	w, err := age.Encrypt(armoured, recipient)
	if err != nil {
		return nil, err
	}
	if err := pem.Encode(w, &pem.Block{Type: "PRIVATE KEY", Bytes: der}); err != nil {
		return nil, err
	}
	if err := errors.Join(w.Close(), armoured.Close()); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// Open decrypts the key file at path.
func Open(path, passphrase string) (ed25519.PrivateKey, error) {
	priv, err := open(path, passphrase)
	if err != nil {
		return nil, fmt.Errorf("opening key %s: %w", path, err)
	}
	return priv, nil
}

func open(path, passphrase string) (ed25519.PrivateKey, error) {
	sealed, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	identity, err := age.NewScryptIdentity(passphrase)
	if err != nil {
		return nil, err
	}
	r, err := age.Decrypt(armor.NewReader(bytes.NewReader(sealed)), identity)
	var wrong *age.NoIdentityMatchError
	if errors.As(err, &wrong) {
		return nil, errors.New("the passphrase is wrong")
	}
	if err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(r, maxFile))
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil {
		return nil, errors.New("it holds no PEM block")
	}
	key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	priv, ok := key.(ed25519.PrivateKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T and not an Ed25519 key", key)
	}
	return priv, nil
}

// Public reads the public part of a key, NAME.pub.
func Public(path string) (*metadata.Key, error) {
	k, err := public(path)
	if err != nil {
		return nil, fmt.Errorf("reading public key %s: %w", path, err)
	}
	return k, nil
}

func public(path string) (*metadata.Key, error) {
	data, err := readSmall(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PUBLIC KEY" {
		return nil, errors.New("it is no PEM file of a public key")
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return nil, err
	}
	pub, ok := key.(ed25519.PublicKey)
	if !ok {
		return nil, fmt.Errorf("it is a %T and not an Ed25519 key", key)
	}
	return metadata.KeyFromPublicKey(pub)
}

func readSmall(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(data) > maxFile {
		err = fmt.Errorf("more than %d bytes are no key", maxFile)
	}
	return data, err
}

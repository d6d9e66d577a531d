package key_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/key"
)

func said(s string) func(string) (string, error) {
	return func(string) (string, error) { return s, nil }
}

func TestMakeAndSign(t *testing.T) {
	dir := t.TempDir()
	k, err := key.Make(&disk.Disk{}, dir, "root", 1, said("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(filepath.Join(dir, "root.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("root.key: mode %v, %v; want 0600", info.Mode(), err)
	}
	data, err := os.ReadFile(filepath.Join(dir, "root.key"))
	if err != nil || strings.Contains(string(data), "PRIVATE") {
		t.Errorf("the key file is in clear: %q, %v", data, err)
	}
	id, err := k.ID()
	if err != nil {
		t.Fatal(err)
	}
	ring, err := key.OpenRing(dir, said("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if ring.Name(id) != "root" || !ring.Has(id) {
		t.Errorf("the ring has %q, %v; want the key root", ring.Name(id), ring.Has(id))
	}
	signer, err := ring.Signer(id)
	if err != nil {
		t.Fatal(err)
	}
	if sig, err := signer.SignMessage(strings.NewReader("message")); err != nil || len(sig) != 64 {
		t.Errorf("signature of %d bytes, %v", len(sig), err)
	}
}

func TestSignerRefuses(t *testing.T) {
	dir := t.TempDir()
	ids := map[string]string{}
	for _, name := range []string{"a", "b"} {
		k, err := key.Make(&disk.Disk{}, dir, name, 1, said("secret"))
		if err != nil {
			t.Fatal(err)
		}
		if ids[name], err = k.ID(); err != nil {
			t.Fatal(err)
		}
	}
	other, err := os.ReadFile(filepath.Join(dir, "b.key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name       string
		content    []byte
		passphrase func(string) (string, error)
		want       string
	}{
		{"wrong passphrase", nil, said("guess"), "the passphrase is wrong"},
		{"no passphrase", nil, func(string) (string, error) { return "", errors.New("nobody answered") }, "nobody answered"},
		{"another's key", other, said("secret"), "are of different keys"},
		{"no key", []byte("nonsense"), said("secret"), "opening key"},
		{"huge", make([]byte, 1<<20), said("secret"), "more than 65536 bytes are no key"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if tt.content != nil {
				if err := os.WriteFile(filepath.Join(dir, "a.key"), tt.content, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			ring, err := key.OpenRing(dir, tt.passphrase)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := ring.Signer(ids["a"]); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Signer = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

// TestMakeGoesOn makes a key whose public part was not written.
func TestMakeGoesOn(t *testing.T) {
	dir := t.TempDir()
	first, err := key.Make(&disk.Disk{}, dir, "root", 1, said("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Make(&disk.Disk{}, dir, "root", 1, said("secret")); err == nil {
		t.Error("a key was made over another")
	}
	if err := os.Remove(filepath.Join(dir, "root.pub")); err != nil {
		t.Fatal(err)
	}
	second, err := key.Make(&disk.Disk{}, dir, "root", 1, said("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if first.Value.PublicKey != second.Value.PublicKey {
		t.Error("the key was made anew")
	}
}

func TestPublicRefuses(t *testing.T) {
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&rsaKey.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"is no PEM file of a public key": "hello",
		"not an Ed25519 key":             string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})),
		"asn1":                           string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")})),
	} {
		path := filepath.Join(t.TempDir(), "k.pub")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := key.Public(path); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("Public = %v, want an error with %q", err, name)
		}
	}
}

func TestPassphrases(t *testing.T) {
	file := filepath.Join(t.TempDir(), "pass")
	if err := os.WriteFile(file, []byte("from a file\r\nmore\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv(key.Variable, "from the environment")
	if s, err := key.Passphrases(file, false, nil, nil)("k"); s != "from a file" || err != nil {
		t.Errorf("passphrase = %q, %v", s, err)
	}
	if s, err := key.Passphrases("", false, nil, nil)("k"); s != "from the environment" || err != nil {
		t.Errorf("passphrase = %q, %v", s, err)
	}
	os.Unsetenv(key.Variable)
	if _, err := key.Passphrases("", false, nil, nil)("k"); err == nil || !strings.Contains(err.Error(), `key "k" needs a passphrase`) {
		t.Errorf("passphrase without a source: %v", err)
	}
}

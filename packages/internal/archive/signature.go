package archive

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/ProtonMail/go-crypto/openpgp"
	"github.com/ProtonMail/go-crypto/openpgp/clearsign"
)

// Keyrings are the places of the Debian archive's keyring, in order.
var Keyrings = []string{
	"/usr/share/keyrings/debian-archive-keyring.pgp",
	"/usr/share/keyrings/debian-archive-keyring.gpg",
}

// ReadKeyring reads the binary keyring at path, or when path is "" the first
// of Keyrings that exists.
func ReadKeyring(path string) (openpgp.EntityList, error) {
	candidates := []string{path}
	if path == "" {
		candidates = Keyrings
	}
	for _, name := range candidates {
		data, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("reading keyring: %w", err)
		}
		keys, err := openpgp.ReadKeyRing(bytes.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("reading keyring %s: %w", name, err)
		}
		return keys, nil
	}
	return nil, fmt.Errorf("no keyring at %v: install debian-archive-keyring, or name a file with --keyring", candidates)
}

// verify checks a cleartext signature (RFC 9580, section 7) and returns the
// signed text alone: what stands around it is not signed.
func verify(signed []byte, keys openpgp.EntityList) (io.Reader, error) {
	block, _ := clearsign.Decode(signed)
	if block == nil {
		return nil, errors.New("verifying signature: this is no cleartext signature")
	}
	if _, err := block.VerifySignature(keys, nil); err != nil {
		return nil, fmt.Errorf("verifying signature: %w", err)
	}
	return bytes.NewReader(block.Plaintext), nil
}

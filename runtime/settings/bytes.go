package settings

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
)

// Types of text that hold bytes.

// base64Pattern is RFC 4648, section 4, with padding. Empty text is valid.
const base64Pattern = `^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$`

// maxEncoded is the most characters of base64, which is 192 KiB of data.
const maxEncoded = 256 << 10

// Base64 is data in base64 with padding.
type Base64 string

// Rule says what Base64 takes.
func (Base64) Rule() Rule {
	return Rule{
		Expected: "base64 with padding (RFC 4648, section 4)", Pattern: base64Pattern, MaxLength: maxEncoded,
	}
}

// Bytes is the data; nothing where it is not base64.
func (b Base64) Bytes() []byte {
	data, err := base64.StdEncoding.DecodeString(string(b))
	if err != nil {
		return nil
	}
	return data
}

// Certificates is a bundle of X.509 certificates: PEM in base64. Empty text is
// valid, and takes a bundle away.
type Certificates string

// Rule says what Certificates takes.
func (Certificates) Rule() Rule {
	return Rule{
		Expected: "base64 of PEM with at least one CERTIFICATE", Pattern: base64Pattern, MaxLength: maxEncoded,
		Check: func(s string) error {
			if s == "" {
				return nil
			}
			return checkPEM(Base64(s).Bytes())
		},
	}
}

// PEM is the bundle's text.
func (c Certificates) PEM() []byte { return Base64(c).Bytes() }

func checkPEM(rest []byte) error {
	found := false
	for {
		var block *pem.Block
		block, rest = pem.Decode(rest)
		switch {
		case block == nil && strings.Contains(string(rest), "-----BEGIN"):
			return errors.New("holds a PEM block that is not whole")
		case block == nil && !found:
			return errors.New("holds no PEM block")
		case block == nil:
			return nil
		case block.Type != "CERTIFICATE":
			return errors.New("holds a PEM block that is not a CERTIFICATE")
		}
		if _, err := x509.ParseCertificate(block.Bytes); err != nil {
			return errors.New("holds a certificate that cannot be parsed")
		}
		found = true
	}
}

package userdata

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// The OEM strings that hold user data (QEMU: -smbios type=11,value=… or
// type=11,path=FILE): as text, or by base64 for what is binary or has several
// lines.
const (
	oemText   = "slipway.user-data="
	oemBase64 = "slipway.user-data.b64="
)

// oemStructures are the SMBIOS structures of type 11 as the kernel shows them.
const oemStructures = "/sys/firmware/dmi/entries/11-*/raw"

// maxStructure bounds one structure, in bytes: base64 of the largest user data.
const maxStructure = 2 * MaxSize

// smbios reads the OEM strings of the machine's firmware.
func (h Host) smbios() []source {
	const name = "SMBIOS"
	paths, err := filepath.Glob(h.path(oemStructures))
	if err != nil || len(paths) == 0 {
		return nil
	}
	var found [][]byte
	for _, path := range paths {
		raw, err := readFile(path, maxStructure)
		if err != nil {
			return []source{{name: name, err: fmt.Errorf("reading the OEM strings: %w", err)}}
		}
		data, err := fromOEM(raw)
		if err != nil {
			return []source{{name: name, err: err}}
		}
		found = append(found, data...)
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return []source{{name: name, data: found[0]}}
	}
	return []source{{name: name, err: errors.New("there is more than one OEM string with user data")}}
}

// fromOEM picks user data out of one structure.
func fromOEM(raw []byte) (found [][]byte, err error) {
	all, err := oemStrings(raw)
	if err != nil {
		return nil, fmt.Errorf("reading the OEM strings: %w", err)
	}
	for _, s := range all {
		if text, ok := strings.CutPrefix(s, oemText); ok {
			found = append(found, []byte(text))
		}
		if text, ok := strings.CutPrefix(s, oemBase64); ok {
			data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
			if err != nil {
				return nil, fmt.Errorf("decoding the OEM string %s: %w", strings.TrimSuffix(oemBase64, "="), err)
			}
			found = append(found, data)
		}
	}
	return found, nil
}

// oemStrings reads the strings of a structure of type 11, SMBIOS 3.7.0 section
// 7.12; how strings follow a structure is section 6.1.3.
func oemStrings(raw []byte) ([]string, error) {
	const header, kind = 5, 11
	if len(raw) < header || raw[0] != kind || int(raw[1]) < header || int(raw[1]) > len(raw) {
		return nil, errors.New("the structure has an impossible length")
	}
	var all []string
	for rest := raw[raw[1]:]; len(rest) > 0 && rest[0] != 0; {
		s, after, ended := bytes.Cut(rest, []byte{0})
		if !ended {
			return nil, errors.New("a string has no end")
		}
		all = append(all, string(s))
		rest = after
	}
	return all, nil
}

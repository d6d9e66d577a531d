package preinit

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// writeMachineID writes /etc/machine-id, so that systemd never takes a boot
// for the first one (and enables units by preset at every boot). The ID must
// be the same at every boot, while STATE is not mounted yet, so it comes from
// what the machine is, best first:
//
//  1. the product UUID of the firmware, as machine-id(5) does in virtual
//     machines and with systemd.machine_id=firmware;
//  2. the hardware address of the first network card that has a fixed one;
//  3. chance: said on the console, for then journals of different boots do
//     not belong together.
//
// systemd.machine_id= on the command line still overrides all of them.
func (h Host) writeMachineID() error {
	path := h.path("/etc/machine-id")
	if _, err := os.Lstat(path); err == nil {
		return nil // the variant brought one
	}
	id, ok := h.firmwareID()
	if !ok {
		id, ok = h.networkID()
	}
	if !ok {
		var err error
		if id, err = h.randomID(); err != nil {
			return fmt.Errorf("making a machine ID: %w", err)
		}
		h.Log("this machine has neither a firmware UUID nor a network card: its machine ID is for this boot only")
	}
	if err := os.WriteFile(path, []byte(id+"\n"), 0o444); err != nil {
		return fmt.Errorf("writing the machine ID: %w", err)
	}
	return nil
}

// worthless lists product UUIDs that vendors ship on whole series of machines.
// All digits equal is refused besides.
var worthless = []string{
	"03000200040005000006000700080009",
	"03aa02fc0414052b0d06bf0700080009",
	"00020003000400050006000700080009",
	"01020304050607080910111213141516",
}

// firmwareID reads the SMBIOS system UUID (SMBIOS specification, 7.2.1) as 32
// lower-case hex digits.
func (h Host) firmwareID() (string, bool) {
	raw, err := os.ReadFile(h.path("/sys/class/dmi/id/product_uuid"))
	if err != nil {
		return "", false
	}
	id := strings.ToLower(strings.ReplaceAll(strings.TrimSpace(string(raw)), "-", ""))
	b, err := hex.DecodeString(id)
	if err != nil || len(b) != 16 {
		return "", false
	}
	if strings.Count(id, id[:1]) == len(id) || slices.Contains(worthless, id) {
		return "", false
	}
	return id, true
}

// networkID hashes the lowest permanent hardware address: the address itself
// would tell others where the ID comes from.
func (h Host) networkID() (string, bool) {
	cards, err := filepath.Glob(h.path("/sys/class/net/*/device"))
	if err != nil {
		return "", false
	}
	var found []string
	for _, device := range cards {
		dir := filepath.Dir(device)
		// 0 is NET_ADDR_PERM (linux/netdevice.h): neither random nor set.
		kind, err := os.ReadFile(filepath.Join(dir, "addr_assign_type"))
		if err != nil || strings.TrimSpace(string(kind)) != "0" {
			continue
		}
		addr, err := os.ReadFile(filepath.Join(dir, "address"))
		if a := strings.TrimSpace(string(addr)); err == nil && strings.Trim(a, "0:") != "" {
			found = append(found, a)
		}
	}
	if len(found) == 0 {
		return "", false
	}
	sum := sha256.Sum256([]byte("slipway machine-id\x00" + slices.Min(found)))
	return formatID([16]byte(sum[:16])), true
}

func (h Host) randomID() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(h.Random, b[:]); err != nil {
		return "", errors.Join(errors.New("no random numbers"), err)
	}
	return formatID(b), nil
}

// formatID marks b as a version 4 UUID, which machine-id(5) asks of made-up
// IDs, and returns its 32 hex digits.
func formatID(b [16]byte) string {
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return hex.EncodeToString(b[:])
}

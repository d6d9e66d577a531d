package host

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// A Target is one line of a device-mapper table or its status.
type Target struct {
	Type   string // such as "verity"
	Params string
}

// A DeviceMapper answers what dmsetup(8) would.
type DeviceMapper interface {
	// Table returns what device MAJOR:MINOR is made of.
	Table(majorMinor string) ([]Target, error)
	// Status returns the state of each target of the device.
	Status(majorMinor string) ([]Target, error)
}

type verityState struct {
	state, rootHash string
}

// verity asks for table and status of a device. Kernel documentation,
// admin-guide/device-mapper/verity.rst: the ninth parameter of the table is the
// root digest; the status is V (verified so far) or C (corruption detected).
func (h Host) verity(majorMinor string) (verityState, error) {
	table, err := h.DM.Table(majorMinor)
	if err != nil {
		return verityState{}, fmt.Errorf("reading the table: %w", err)
	}
	if len(table) != 1 || table[0].Type != "verity" {
		return verityState{state: VerityAbsent}, nil
	}
	params := strings.Fields(table[0].Params)
	if len(params) < 10 {
		return verityState{}, fmt.Errorf("verity table %q has %d parameters, want 10 or more", table[0].Params, len(params))
	}
	hash := strings.ToLower(params[8])
	if _, err := hex.DecodeString(hash); err != nil {
		return verityState{}, fmt.Errorf("root hash %q in the verity table: %w", params[8], err)
	}
	status, err := h.DM.Status(majorMinor)
	if err != nil {
		return verityState{}, fmt.Errorf("reading the status: %w", err)
	}
	// More words may follow the letter, such as the count of repaired blocks.
	if len(status) != 1 || status[0].Type != "verity" || status[0].Params == "" {
		return verityState{}, fmt.Errorf("verity status %+v is not understood", status)
	}
	switch status[0].Params[0] {
	case 'V':
		return verityState{VerityVerified, hash}, nil
	case 'C':
		return verityState{VerityCorrupted, hash}, nil
	}
	return verityState{}, fmt.Errorf("verity status %q is neither V nor C", status[0].Params)
}

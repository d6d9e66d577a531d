// Package efivar reads and writes the EFI variables that systemd-boot shares
// with the system, see systemd-boot(7) and https://systemd.io/BOOT_LOADER_INTERFACE.
package efivar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"unicode/utf16"
)

// Names of variables.
const (
	OneShot  = "LoaderEntryOneShot"  // entry for the next boot alone; the loader deletes it
	Default  = "LoaderEntryDefault"  // entry for all boots
	Selected = "LoaderEntrySelected" // entry that this boot is of; gone at the next
)

// Dir is where the kernel shows variables (efivarfs).
const Dir = "/sys/firmware/efi/efivars"

// vendor is the GUID of the loader's variables.
const vendor = "4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"

// attributes are non-volatile, boot service access, runtime access (UEFI 8.2).
const attributes = 0x7

// maxSize bounds what is read, in bytes.
const maxSize = 4096

// ErrNone says that this host has no such variables: its firmware is not UEFI,
// or does not let a running system change them.
var ErrNone = errors.New("EFI variables are not available")

// Variables are the loader's variables. Values are what is written before the
// closing zero.
type Variables interface {
	// Get is "" for a variable that is not there.
	Get(name string) (string, error)
	// Set writes a variable that outlives the power; "" deletes it. It writes
	// nothing where that is its value already, for flash wears out.
	Set(name, value string) error
}

// FS are the variables below a folder, Dir but for tests.
type FS struct{ Dir string }

func (f FS) path(name string) string { return filepath.Join(f.Dir, name+"-"+vendor) }

// Get implements Variables.
func (f FS) Get(name string) (string, error) {
	b, err := os.ReadFile(f.path(name))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("reading EFI variable %s: %w", name, err)
	}
	s, err := decode(b)
	if err != nil {
		return "", fmt.Errorf("reading EFI variable %s: %w", name, err)
	}
	return s, nil
}

// Set implements Variables.
func (f FS) Set(name, value string) error {
	if old, err := f.Get(name); err == nil && old == value {
		return nil
	}
	if _, err := os.Stat(f.Dir); err != nil {
		return fmt.Errorf("%w: %w", ErrNone, err)
	}
	path := f.path(name)
	// The kernel protects variables that it does not know from deletion.
	if err := setMutable(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("preparing to write EFI variable %s: %w", name, err)
	}
	var err error
	if value == "" {
		if err = os.Remove(path); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	} else {
		// One write is one call of the firmware.
		err = os.WriteFile(path, encode(value), 0o600)
	}
	if err != nil {
		return fmt.Errorf("%w: writing %s: %w", ErrNone, name, err)
	}
	return nil
}

// encode is the form of efivarfs: attributes, then UTF-16LE with a closing zero.
func encode(value string) []byte {
	b := binary.LittleEndian.AppendUint32(nil, attributes)
	for _, u := range append(utf16.Encode([]rune(value)), 0) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}

func decode(b []byte) (string, error) {
	if len(b) < 4 || len(b)%2 != 0 || len(b) > maxSize {
		return "", fmt.Errorf("it has %d bytes, which is no text", len(b))
	}
	var units []uint16
	for b = b[4:]; len(b) > 0; b = b[2:] {
		u := binary.LittleEndian.Uint16(b)
		if u == 0 {
			break
		}
		units = append(units, u)
	}
	return string(utf16.Decode(units)), nil
}

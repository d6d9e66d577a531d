package userdata

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"
)

// Where user data lie in files.
const (
	// defaultsDir holds what the image brings: a remix adds files to it. They
	// are used in the order of their names, and like the whole image cannot be
	// changed on the host.
	defaultsDir = "/usr/share/slipway/user-data.toml.d"
	// overridesFile is what an operator leaves on STATE, to win over all.
	overridesFile = "/var/lib/slipway/user-data-overrides.toml"
	// fwCfg is where the kernel shows the item that the hypervisor was told to
	// hand over (QEMU: -fw_cfg name=opt/slipway/user-data,file=…).
	fwCfg = "/sys/firmware/qemu_fw_cfg/by_name/opt/slipway/user-data/raw"
	// fwCfgMetadata is the same for the address of a metadata service.
	fwCfgMetadata = "/sys/firmware/qemu_fw_cfg/by_name/opt/slipway/metadata-url/raw"
)

// maxDefaults bounds how many files of defaults are read.
const maxDefaults = 64

// localDefaults reads the image's files, in the order of their names.
func (h Host) localDefaults() []source {
	entries, err := os.ReadDir(h.path(defaultsDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return []source{{name: defaultsDir, err: fmt.Errorf("listing the defaults: %w", err)}}
	}
	var all []source
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), ".toml") {
			continue
		}
		if len(all) == maxDefaults {
			return append(all, source{name: defaultsDir, err: fmt.Errorf("there are more than %d files; the rest is not read", maxDefaults)})
		}
		path := filepath.Join(defaultsDir, e.Name())
		all = append(all, h.file(path, path)...)
	}
	return all
}

// localOverrides reads the operator's file.
func (h Host) localOverrides() []source { return h.file(overridesFile, overridesFile) }

// fwCfg reads the item of the hypervisor.
func (h Host) fwCfg() []source { return h.file("fw_cfg", fwCfg) }

// file reads one file as a source; there is none where the file is not.
func (h Host) file(name, path string) []source {
	data, err := readFile(h.path(path), MaxSize)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return []source{{name: name, data: data, err: err}}
}

func (h Host) path(p string) string { return filepath.Join(h.Root, p) }

// readFile reads a file of at most limit bytes.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, limit)
	}
	return data, nil
}

// line reads the first line of a small file of the kernel, "" where it is not.
func (h Host) line(path string) string {
	b, err := readFile(h.path(path), 4096)
	if err != nil || !utf8.Valid(b) {
		return ""
	}
	return strings.TrimSpace(strings.TrimRight(firstLine(b), "\x00"))
}

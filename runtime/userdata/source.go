package userdata

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// fwCfg is where the kernel shows the item that the hypervisor was told to
// hand over (QEMU: -fw_cfg name=opt/slipway/user-data,file=…).
const fwCfg = "/sys/firmware/qemu_fw_cfg/by_name/opt/slipway/user-data/raw"

// Read finds this machine's user data below root ("/" but for tests). A
// machine without any has source "" and no data.
func Read(root string) (data []byte, source string, err error) {
	f, err := os.Open(filepath.Join(root, fwCfg))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, "", nil
	}
	if err != nil {
		return nil, "fw_cfg", fmt.Errorf("reading user data: %w", err)
	}
	defer f.Close()
	data, err = io.ReadAll(io.LimitReader(f, MaxSize+1)) // one more: Parse complains
	if err != nil {
		return nil, "fw_cfg", fmt.Errorf("reading user data: %w", err)
	}
	return data, "fw_cfg", nil
}

// A Result is what became of this machine's user data.
type Result struct {
	Settings Settings // the defaults, if Err is set
	Source   string   // "fw_cfg", or "" where there is no user data
	Warnings []string
	Err      error
}

// Load reads and parses this machine's user data.
func Load(root string) Result {
	data, source, err := Read(root)
	if err != nil {
		return Result{Source: source, Err: err}
	}
	s, warnings, err := Parse(data)
	return Result{Settings: s, Source: source, Warnings: warnings, Err: err}
}

package bootstate

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/renameio/v2"
)

// ReportPath is where the last look at the boot entries is left for those who
// may not look themselves, such as the API.
const ReportPath = "/run/slipway/bootstate.json"

// A Report is what Assess and CommitBoot found.
type Report struct {
	Status
	// Fallback is why this boot is of the version before, "" if it is not.
	Fallback string   `json:"fallback"`
	Notes    []string `json:"notes"`
	Error    string   `json:"error"`
}

// ReadReport reads the report below root; nil and no error where there is none.
func ReadReport(root string) (*Report, error) {
	b, err := os.ReadFile(filepath.Join(root, ReportPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var r Report
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	if err != nil {
		return nil, fmt.Errorf("reading what boots: %w", err)
	}
	return &r, nil
}

// Write puts the report below root, replacing an older one as a whole.
func (r Report) Write(root string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	path := filepath.Join(root, ReportPath)
	if err == nil {
		err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if err == nil {
		err = renameio.WriteFile(path, append(b, '\n'), 0o644, renameio.WithTempDir(filepath.Dir(path)))
	}
	if err != nil {
		return fmt.Errorf("leaving what boots: %w", err)
	}
	return nil
}

// Package health tells whether the host is well: once per boot, when the boot
// checks leave their report, and from then on whenever the API is asked.
package health

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/config"
	"github.com/slipway-os/slipway/runtime/userdata/metadataboot"
)

// ReportPath is where the boot checks leave their report; /run is emptied by
// every boot.
const ReportPath = "/run/slipway/health.json"

// A Report is the outcome of the boot checks.
type Report struct {
	Good     bool      `json:"good"`
	Reason   string    `json:"reason"` // why not, "" if good
	Finished time.Time `json:"finished"`
}

// ReadReport reads the report below root. It returns nil and no error while the
// boot checks are not done.
func ReadReport(root string) (*Report, error) {
	b, err := os.ReadFile(filepath.Join(root, ReportPath))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the report of the boot checks: %w", err)
	}
	var r Report
	if err := json.Unmarshal(b, &r); err != nil {
		return nil, fmt.Errorf("reading the report of the boot checks: %w", err)
	}
	return &r, nil
}

// Write puts the report below root, replacing an older one as a whole.
func (r Report) Write(root string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the report of the boot checks: %w", err)
	}
	path := filepath.Join(root, ReportPath)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("writing the report of the boot checks: %w", err)
	}
	if err := renameio.WriteFile(path, append(b, '\n'), 0o644, renameio.WithTempDir(filepath.Dir(path))); err != nil {
		return fmt.Errorf("writing the report of the boot checks: %w", err)
	}
	return nil
}

// checkSettings reads what the boot left about settings and user data. They
// are looked at anew each time, for the metadata service answers late.
func checkSettings(root string) []api.Check {
	checks := config.ReadReport(root).Checks()
	b, err := os.ReadFile(filepath.Join(root, metadataboot.Outcome))
	if errors.Is(err, fs.ErrNotExist) { // it was not asked
		return checks
	}
	metadata := api.Check{Name: "metadata"}
	if err == nil {
		err = json.Unmarshal(b, &metadata)
	}
	if err != nil {
		metadata.OK, metadata.Message = false, fmt.Sprintf("reading what became of the metadata: %v", err)
	}
	return append(checks, metadata)
}

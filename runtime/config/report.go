package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/renameio/v2"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata"
)

// A Report says what became of the settings at boot.
type Report struct {
	UserData UserData `json:"user_data"`
	Store    Store    `json:"store"`
	// Templates that failed, by name; their files are as the image brings them.
	Templates map[string]string `json:"templates,omitempty"`
	// Kernel says which settings the kernel did not take, each by its key.
	Kernel string `json:"kernel,omitempty"`
	// Errors is everything else that went wrong: generators, the templates as a
	// whole, the release. Each is one line.
	Errors   []string  `json:"errors,omitempty"`
	Finished time.Time `json:"finished"`
}

// UserData says what became of user data.
type UserData struct {
	// Taken: it is in the settings, from this boot or an earlier one. There may
	// have been none.
	Taken    bool                `json:"taken"`
	Sources  []string            `json:"sources,omitempty"`
	Error    string              `json:"error,omitempty"` // one line; begins with the line and key, where they are known
	Problems []*settings.Problem `json:"problems,omitempty"`
	Warnings []string            `json:"warnings,omitempty"`
}

// Store says how the stored settings were found.
type Store struct {
	FirstBoot bool   `json:"first_boot"`
	Recovered string `json:"recovered,omitempty"` // what was wrong with them and what was done
	From      string `json:"from,omitempty"`      // the version they were taken over from
	Error     string `json:"error,omitempty"`     // why they could not be read or written
}

// Checks are the report as health checks. Templates and Kernel are not among
// them: what went wrong there can be put right while the host runs, so that
// Manager.Check tells it.
func (r Report) Checks() []api.Check {
	user := api.Check{Name: "user-data", OK: r.UserData.Error == "", Message: r.UserData.Error}
	if user.OK {
		user.Message = strings.Join(r.UserData.Warnings, "; ")
	}
	var wrong []string
	for _, s := range []string{r.Store.Error, r.Store.Recovered} {
		if s != "" {
			wrong = append(wrong, s)
		}
	}
	wrong = append(wrong, r.Errors...)
	kept := api.Check{Name: "settings", OK: len(wrong) == 0, Message: strings.Join(wrong, "; ")}
	return []api.Check{user, kept}
}

// ReadReport reads the report below root. Where there is none, Boot did not
// end, which the report then says.
func ReadReport(root string) Report {
	var r Report
	b, err := os.ReadFile(filepath.Join(root, ReportPath))
	if err == nil {
		err = json.Unmarshal(b, &r)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Report{Errors: []string{"the settings were not brought into force at boot"}}
	case err != nil:
		return Report{Errors: []string{fmt.Sprintf("reading the report of the settings: %v", err)}}
	}
	return r
}

// Write puts the report below root, replacing an older one as a whole.
func (r Report) Write(root string) error {
	b, err := json.Marshal(r)
	if err != nil {
		return fmt.Errorf("encoding the report of the settings: %w", err)
	}
	path := filepath.Join(root, ReportPath)
	if err := writeFile(path, append(b, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the report of the settings: %w", err)
	}
	return nil
}

// writeFile replaces a file as a whole; its folder is made.
func writeFile(path string, data []byte, mode fs.FileMode) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	return renameio.WriteFile(path, data, mode, renameio.WithTempDir(dir), renameio.WithStaticPermissions(mode))
}

// fail adds an error that has no place of its own.
func (r *Report) fail(err error) { r.Errors = append(r.Errors, oneLine(err)) }

// refuse says why user data does not count. What it begins with is the first
// mistake: people and tests look for line and key.
func (u *UserData) refuse(err error) {
	u.Problems = append(u.Problems, settings.Problems(err)...)
	var parts []string
	for _, e := range leaves(err) {
		var source *userdata.SourceError
		if errors.As(e, &source) {
			parts = append(parts, fmt.Sprintf("%s (%s)", oneLine(source.Err), source.Source))
		} else {
			parts = append(parts, oneLine(e))
		}
	}
	u.Error = strings.Join(parts, "; ")
}

// leaves returns what errors.Join has joined at the outermost level.
func leaves(err error) []error {
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // only the outermost is wanted
		return joined.Unwrap()
	}
	return []error{err}
}

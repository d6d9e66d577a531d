// Package api holds the documents of the host API, as server and clients
// exchange them in JSON.
package api

import "time"

// Socket is where the API is served.
const Socket = "/run/api.sock"

// Paths of the API; those that Bottlerocket has are named as there.
const (
	PathModel              = "/"
	PathOS                 = "/os"
	PathSettings           = "/settings"
	PathKeypair            = "/settings/keypair"
	PathTx                 = "/tx"
	PathTxList             = "/tx/list"
	PathTxDiff             = "/tx/diff"
	PathTxCommit           = "/tx/commit"
	PathTxApply            = "/tx/apply"
	PathTxCommitAndApply   = "/tx/commit_and_apply"
	PathTxTry              = "/tx/try"
	PathTxConfirm          = "/tx/confirm"
	PathTxRevert           = "/tx/revert"
	PathServices           = "/services"
	PathConfigurationFiles = "/configuration-files"
	PathAffectedServices   = "/metadata/affected-services"
	PathSettingGenerators  = "/metadata/setting-generators"
	PathTemplates          = "/metadata/templates"
	PathHealth             = "/health"
	PathExec               = "/exec"
	PathJournal            = "/journal"
	PathAudit              = "/audit"
	PathMetrics            = "/metrics"
	PathReports            = "/report"
	PathSupport            = "/report/support"
	PathReboot             = "/actions/reboot"
	PathOpenAPI            = "/openapi.json"
)

// HeaderRequestID may be set by a client, to 1 to 64 letters, digits, dots,
// dashes and underscores; the answer repeats it.
const HeaderRequestID = "X-Request-Id"

// OS answers GET /os. What could not be found out is empty or zero, and
// GET /health says why.
type OS struct {
	Name       string `json:"name"`
	PrettyName string `json:"pretty_name"`
	VariantID  string `json:"variant_id"`
	VersionID  string `json:"version_id"`
	BuildID    string `json:"build_id"` // of os-release, else the start of the root hash
	Arch       string `json:"arch"`
	Kernel     string `json:"kernel"`
	Slot       string `json:"slot"`      // A or B
	RootHash   string `json:"root_hash"` // 64 hex digits
	Root       Root   `json:"root"`
	State      State  `json:"state"`
	Boot       Boot   `json:"boot"`
}

// Root is the root file system.
type Root struct {
	Device   string `json:"device"`
	FSType   string `json:"fstype"`
	ReadOnly bool   `json:"read_only"`
	Verity   string `json:"verity"` // verified, corrupted, absent
}

// State is the file system of STATE.
type State struct {
	Device         string `json:"device"`
	FSType         string `json:"fstype"`
	SizeBytes      uint64 `json:"size_bytes"`
	AvailableBytes uint64 `json:"available_bytes"`
}

// Boot is this boot.
type Boot struct {
	ID            string    `json:"id"`
	Count         uint64    `json:"count"` // 1 at the first boot of this STATE
	FirstBoot     time.Time `json:"first_boot"`
	UptimeSeconds float64   `json:"uptime_seconds"`
}

// Status sums up GET /health.
type Status string

// Values of Status.
const (
	Starting Status = "starting" // the boot checks are not done
	Good     Status = "good"     // every check is ok
	Degraded Status = "degraded" // some check is not
)

// Health answers GET /health: 200 if Status is Good, else 503.
type Health struct {
	Status      Status    `json:"status"`
	Checks      []Check   `json:"checks"`
	FailedUnits []string  `json:"failed_units"`
	Since       time.Time `json:"since"` // when Status became what it is
}

// Check is one thing that was looked at.
type Check struct {
	Name    string `json:"name"`
	OK      bool   `json:"ok"`
	Message string `json:"message"`
}

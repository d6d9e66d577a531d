package api

import "time"

// UpdaterSocket is where the updater answers this server.
const UpdaterSocket = "/run/slipway/updater.sock"

// Paths of updates; the first five and their documents are Bottlerocket's.
const (
	PathUpdatesStatus    = "/updates/status"
	PathRefreshUpdates   = "/actions/refresh-updates"
	PathPrepareUpdate    = "/actions/prepare-update"
	PathActivateUpdate   = "/actions/activate-update"
	PathDeactivateUpdate = "/actions/deactivate-update"
	PathCancelUpdate     = "/actions/cancel-update"
	PathRollback         = "/actions/rollback"
	PathForgetFailed     = "/actions/forget-failed-updates"
)

// Commands of updates, as statuses name them.
const (
	UpdateRefresh    = "refresh"
	UpdatePrepare    = "prepare"
	UpdateActivate   = "activate"
	UpdateDeactivate = "deactivate"
	UpdateCancel     = "cancel"
	UpdateRollback   = "rollback"
)

// Values of UpdateCommandResult.Status.
const (
	UpdateSuccess = "Success"
	UpdateFailed  = "Failed"
)

// Steps of a prepare.
const (
	StepMetadata    = "metadata"
	StepFiles       = "files"
	StepBlocks      = "blocks"
	StepReadingBack = "reading back"
	StepBootEntry   = "boot entry"
)

// UpdateState is how far an update is.
type UpdateState string

// States.
const (
	UpdateIdle      UpdateState = "Idle"      // nothing to update to is known
	UpdateAvailable UpdateState = "Available" // a version is chosen
	UpdateStaged    UpdateState = "Staged"    // it is in the other slot, checked
	UpdateReady     UpdateState = "Ready"     // it is what boots next
)

// UpdateStatus answers GET /updates/status. The fields up to MostRecentCommand
// are Bottlerocket's.
type UpdateStatus struct {
	UpdateState       UpdateState          `json:"update_state"`
	AvailableUpdates  []string             `json:"available_updates"` // newest first
	ChosenUpdate      *UpdateImage         `json:"chosen_update"`
	ActivePartition   *UpdatePartition     `json:"active_partition"`
	StagingPartition  *UpdatePartition     `json:"staging_partition"`
	MostRecentCommand *UpdateCommandResult `json:"most_recent_command"`

	// Running is the command that is under way.
	Running *UpdateRunning `json:"running_command"`
	// Problem is why this host cannot be updated now, "" if nothing is known
	// to be in the way.
	Problem string `json:"problem"`
	// Waiting is what a restart into the update waits for, "" for nothing.
	Waiting  string          `json:"waiting"`
	Strategy string          `json:"strategy"`
	Checked  *UpdateChecked  `json:"checked"`
	Held     []UpdateHeld    `json:"held"`     // versions that are not for this host now
	Boot     string          `json:"boot"`     // committed, trial, unknown
	Fallback *UpdateFailure  `json:"fallback"` // the last update, if it did not come up
	Failed   []UpdateFailure `json:"failed"`   // not taken until they are forgotten
	// Rollback is the version that a rollback would boot.
	Rollback *UpdateImage `json:"rollback"`
}

// UpdateImage is a version of the system.
type UpdateImage struct {
	Arch    string `json:"arch"`
	Version string `json:"version"`
	Variant string `json:"variant"`
}

// UpdatePartition is what a slot holds.
type UpdatePartition struct {
	Image      UpdateImage `json:"image"`
	NextToBoot bool        `json:"next_to_boot"`
	Slot       string      `json:"slot"` // A or B
}

// UpdateCommandResult is what became of a command.
type UpdateCommandResult struct {
	Type      string    `json:"cmd_type"`
	Status    string    `json:"cmd_status"`
	Timestamp time.Time `json:"timestamp"` // of its end
	// ExitStatus is 0 or 1, and Stderr why it failed.
	ExitStatus *int    `json:"exit_status"`
	Stderr     *string `json:"stderr"`
}

// UpdateRunning is a command that is under way.
type UpdateRunning struct {
	Type     string          `json:"cmd_type"`
	Since    time.Time       `json:"since"`
	Progress *UpdateProgress `json:"progress"`
}

// UpdateProgress is how far a prepare is.
type UpdateProgress struct {
	Step       string `json:"step"`
	Version    string `json:"version"`
	Blocks     int    `json:"blocks"`      // of 4096 bytes, in the image
	BlocksDone int    `json:"blocks_done"` // in place
	Bytes      int64  `json:"bytes"`       // fetched so far
	BytesTotal int64  `json:"bytes_total"` // that will be fetched, by the plan
}

// UpdateChecked is the last look at the repository.
type UpdateChecked struct {
	Time time.Time `json:"time"`
	// Good is when one succeeded last.
	Good    time.Time `json:"good"`
	Offline bool      `json:"offline"` // it could not be reached
	Error   string    `json:"error"`
}

// UpdateHeld is a version that is not for this host now.
type UpdateHeld struct {
	Version string `json:"version"`
	// Reason is locked, paused, failed-here, step-in-the-way or
	// waits-for-wave; Message says it to people.
	Reason  string    `json:"reason"`
	Until   time.Time `json:"until,omitzero"`
	Message string    `json:"message"`
}

// UpdateFailure is a version that failed on this host.
type UpdateFailure struct {
	Version  string    `json:"version"`
	RootHash string    `json:"root_hash"`
	Reason   string    `json:"reason"`
	Time     time.Time `json:"time"`
}

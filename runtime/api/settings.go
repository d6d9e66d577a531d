package api

import "encoding/json"

// DefaultTx is the transaction of requests that name none.
const DefaultTx = "default"

// Redacted stands for a secret in answers to whoever may not see it.
const Redacted = "(redacted)"

// Model answers GET /. With ?prefix= it has only what begins with it.
type Model struct {
	Settings           map[string]any               `json:"settings,omitempty"`
	Services           map[string]Service           `json:"services,omitempty"`
	ConfigurationFiles map[string]ConfigurationFile `json:"configuration-files,omitempty"`
	OS                 map[string]any               `json:"os,omitempty"`
}

// Keypair is the body of PATCH /settings/keypair. What stands after the first
// "=" is read by the setting's type: text is taken as it is, anything else is
// JSON.
type Keypair struct {
	RequestPayload []string `json:"request_payload"` // "KEY=VALUE"
}

// Generator is an entry of GET /metadata/setting-generators.
type Generator struct {
	Command  string `json:"command"`
	Strength string `json:"strength"` // weak: an update drops the value
}

// Service is a unit that configuration files belong to.
type Service struct {
	ConfigurationFiles []string `json:"configuration-files"`
	RestartCommands    []string `json:"restart-commands"`
	State              string   `json:"state,omitempty"` // systemd's: active, inactive, failed, …
}

// ConfigurationFile is a file that is made of settings.
type ConfigurationFile struct {
	Path         string `json:"path"`
	TemplatePath string `json:"template-path"`
	Mode         string `json:"mode,omitempty"` // octal digits
}

// Delta is one setting that a transaction changes.
type Delta struct {
	Key    string          `json:"key"`              // "settings.motd"
	Before json.RawMessage `json:"before,omitempty"` // nothing: it was not set
	After  json.RawMessage `json:"after,omitempty"`  // nothing: it is not set then
}

// Diff answers GET /tx/diff and every dry run: what a commit would change and
// which files and units an apply would touch.
type Diff struct {
	Changes []Delta  `json:"changes"`
	Files   []string `json:"files"`
	Units   []string `json:"units"`
}

// Try answers /tx/try: a change that is taken back when its time is up.
type Try struct {
	Pending bool     `json:"pending"`
	Keys    []string `json:"keys"`         // "settings.motd"
	Seconds float64  `json:"seconds_left"` // until it is taken back
}

// Report is one entry of GET /report.
type Report struct {
	Name        string `json:"name"` // GET /report/NAME
	Description string `json:"description"`
}

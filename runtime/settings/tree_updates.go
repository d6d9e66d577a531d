package settings

// Updates is the group updates.
type Updates struct {
	MetadataBaseURL URL            `json:"metadata-base-url,omitempty" doc:"The repository's metadata." example:"\"https://updates.example.com/slipway/metadata/\""`
	TargetsBaseURL  URL            `json:"targets-base-url,omitempty" doc:"The repository's files." example:"\"https://updates.example.com/slipway/targets/\""`
	Channel         Channel        `json:"channel,omitempty" doc:"Which of the repository's channels the host follows." default:"\"stable\"" example:"\"beta\""`
	Seed            *int64         `json:"seed,omitempty" doc:"Place of the host in the waves of an update. It is drawn at the first boot." min:"0" max:"2047" example:"1024"`
	VersionLock     Version        `json:"version-lock,omitempty" doc:"The only version that the host updates to, or latest." default:"\"latest\"" example:"\"1.4.0\""`
	IgnoreWaves     *bool          `json:"ignore-waves,omitempty" doc:"Take an update as soon as it is there." default:"false"`
	Strategy        UpdateStrategy `json:"strategy,omitempty" doc:"When an update is taken: manual, when someone asks for it; immediate, as soon as the host's wave has come; window, the same within a window of time; fleet-lock, once the lock's server grants the reboot." default:"\"manual\"" example:"\"window\""`
	Window          Window         `json:"window,omitempty" doc:"When the host may restart into an update, in UTC; over midnight it counts by the day on which it begins." example:"\"Sat-Sun 02:00-04:30\""`
	FleetLock       FleetLock      `json:"fleet-lock,omitzero" doc:"A FleetLock server, which lets hosts restart in turn."`
}

// FleetLock is updates.fleet-lock.
type FleetLock struct {
	URL   URL        `json:"url,omitempty" doc:"The server." example:"\"https://fleet-lock.example.com\""`
	Group Identifier `json:"group,omitempty" doc:"The hosts among which the turn goes round." default:"\"default\"" example:"\"workers\""`
}

// Channel names a channel of the repository.
type Channel string

// Rule says what a Channel takes.
func (Channel) Rule() Rule {
	return Rule{
		Expected: "1 to 64 lower-case letters, digits, dots and dashes", Pattern: `^[a-z0-9][a-z0-9.-]*$`,
		MinLength: 1, MaxLength: 64,
	}
}

// Version is a version of the system, with or without a leading v, or latest.
type Version string

// Rule says what a Version takes: Semantic Versioning 2.0.0.
func (Version) Rule() Rule {
	const number = `(0|[1-9][0-9]{0,8})`
	const tag = `(0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)`
	return Rule{
		Expected: "latest, or a version such as 1.4.0",
		Pattern: `^(latest|v?` + number + `\.` + number + `\.` + number +
			`(-` + tag + `(\.` + tag + `)*)?(\+[0-9A-Za-z-]+(\.[0-9A-Za-z-]+)*)?)$`,
		MinLength: 5, MaxLength: 128,
	}
}

// UpdateStrategy is updates.strategy.
type UpdateStrategy string

// The strategies.
const (
	StrategyManual    UpdateStrategy = "manual"
	StrategyImmediate UpdateStrategy = "immediate"
	StrategyWindow    UpdateStrategy = "window"
	StrategyFleetLock UpdateStrategy = "fleet-lock"
)

// Rule says what an UpdateStrategy takes.
func (UpdateStrategy) Rule() Rule {
	return Rule{Enum: []string{"manual", "immediate", "window", "fleet-lock"}}
}

// Health is the group health.
type Health struct {
	Deadline Duration                   `json:"deadline,omitempty" doc:"How long after the kernel's start a boot has to be good, at least 1m; else the host restarts, and an update is taken back." default:"\"5m\"" example:"\"10m\""`
	Checks   map[Identifier]HealthCheck `json:"checks,omitempty" doc:"Checks of the host's owner: each is a URL or a container." size:"32"`
}

// HealthCheck is health.checks.NAME: either URL or Source is set.
type HealthCheck struct {
	URL     URL      `json:"url,omitempty" doc:"Answers with a status from 200 to 299 when all is well." example:"\"http://127.0.0.1:8080/healthz\""`
	Source  Image    `json:"source,omitempty" doc:"Image of a container that exits with 0 when all is well." example:"\"registry.example.com/check:1.2\""`
	Timeout Duration `json:"timeout,omitempty" doc:"Time for one try." default:"\"30s\"" example:"\"5s\""`
}

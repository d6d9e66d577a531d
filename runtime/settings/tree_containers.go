package settings

import (
	"maps"
	"slices"
)

// HostContainer is host-containers.NAME.
type HostContainer struct {
	Enabled      *bool      `json:"enabled,omitempty" doc:"Run the container." default:"false" example:"true"`
	Source       Image      `json:"source,omitempty" doc:"Its image." example:"\"registry.example.com/admin:1.0\""`
	Superpowered *bool      `json:"superpowered,omitempty" doc:"Give it the host: all capabilities, the host's devices, file systems and processes." default:"false" example:"true"`
	UserData     Base64     `json:"user-data,omitempty" doc:"Bytes that the container finds as /.bottlerocket/host-containers/current/user-data, or the same below /.slipway." sensitive:"true" example:"\"aGVsbG8K\""`
	Command      []Argument `json:"command,omitempty" doc:"What to run instead of the image's own command." example:"[\"/bin/serve\",\"--port\",\"8080\"]"`
}

// BootstrapContainer is bootstrap-containers.NAME.
type BootstrapContainer struct {
	Source    Image         `json:"source,omitempty" doc:"Its image." example:"\"registry.example.com/prepare:1.0\""`
	Mode      BootstrapMode `json:"mode,omitempty" doc:"At which boots it runs: off, none; once, the next one, after which it becomes off; always, each." default:"\"off\"" example:"\"once\""`
	Essential *bool         `json:"essential,omitempty" doc:"If it fails, workloads are not started." default:"false" example:"true"`
	UserData  Base64        `json:"user-data,omitempty" doc:"Bytes that the container finds as /.bottlerocket/bootstrap-containers/current/user-data, or the same below /.slipway." sensitive:"true" example:"\"aGVsbG8K\""`
	Command   []Argument    `json:"command,omitempty" doc:"What to run instead of the image's own command." example:"[\"/bin/prepare\"]"`
}

// BootstrapCommand is bootstrap-commands.NAME.
type BootstrapCommand struct {
	Commands  []Command     `json:"commands,omitempty" doc:"Commands, each a list that begins with apiclient; the first that fails ends them." size:"64" example:"[[\"apiclient\",\"set\",\"motd=hello\"]]"`
	Mode      BootstrapMode `json:"mode,omitempty" doc:"At which boots they run: off, none; once, the next one, after which it becomes off; always, each." default:"\"off\"" example:"\"always\""`
	Essential *bool         `json:"essential,omitempty" doc:"If one fails, workloads are not started." default:"false" example:"true"`
}

// Command is one command of apiclient with its arguments.
type Command []Argument

// Begins is the only program that a bootstrap command runs.
func (Command) Begins() string { return "apiclient" }

// BootstrapMode says at which boots something runs.
type BootstrapMode string

// The modes.
const (
	ModeOff    BootstrapMode = "off"
	ModeOnce   BootstrapMode = "once"
	ModeAlways BootstrapMode = "always"
)

// Rule says what a BootstrapMode takes.
func (BootstrapMode) Rule() Rule { return Rule{Enum: []string{"off", "once", "always"}} }

// ContainerRegistry is the group container-registry.
type ContainerRegistry struct {
	Mirrors     Mirrors      `json:"mirrors,omitempty" doc:"Where the images of a registry are looked for first." size:"64" example:"[{\"endpoint\":[\"https://mirror.example.com\"],\"registry\":\"docker.io\"}]"`
	Credentials []Credential `json:"credentials,omitempty" doc:"How the host names itself to a registry: by username and password, by auth, or by identitytoken." alias:"creds" size:"64" example:"[{\"password\":\"secret\",\"registry\":\"docker.io\",\"username\":\"team-red\"}]"`
}

// Mirror is where the images of a registry are looked for first.
type Mirror struct {
	Registry AnyRegistry `json:"registry" doc:"The registry." required:"true"`
	Endpoint []Endpoint  `json:"endpoint" doc:"The mirrors, in the order in which they are asked." required:"true" size:"16"`
}

// Mirrors is a list of mirrors.
type Mirrors []Mirror

// Alternate reads the form of older releases of Bottlerocket: a table of lists.
func (Mirrors) Alternate() Alternate {
	return Alternate{
		Doc: "A table of registries with a list of endpoints each is read too.",
		Schema: map[string]any{
			"type": "object", "maxProperties": 64, "propertyNames": AnyRegistry("").Rule().form(),
			"additionalProperties": map[string]any{"type": "array", "items": Endpoint("").Rule().form(), "maxItems": 16},
		},
		Convert: func(v any) any {
			table, ok := v.(map[string]any)
			if !ok {
				return v
			}
			list := []any{}
			for _, registry := range slices.Sorted(maps.Keys(table)) {
				list = append(list, map[string]any{"registry": registry, "endpoint": table[registry]})
			}
			return list
		},
	}
}

// Credential is how the host names itself to a registry.
type Credential struct {
	Registry      Registry `json:"registry" doc:"The registry." required:"true"`
	Username      Line     `json:"username,omitempty" doc:"Name of the user."`
	Password      Line     `json:"password,omitempty" doc:"The user's password." sensitive:"true"`
	Auth          Base64   `json:"auth,omitempty" doc:"USERNAME:PASSWORD in base64, instead of the two." sensitive:"true"`
	IdentityToken Line     `json:"identitytoken,omitempty" doc:"A token instead of a user." sensitive:"true"`
}

// ContainerRuntime is the group container-runtime.
type ContainerRuntime struct {
	MaxLogLineSize         *int64      `json:"max-container-log-line-size,omitempty" doc:"Longest line of a container's log, in bytes; -1: no limit." min:"-1" max:"2147483647" default:"16384"`
	MaxConcurrentDownloads *int64      `json:"max-concurrent-downloads,omitempty" doc:"Layers that are pulled at once for one image." min:"1" max:"2147483647" default:"3" example:"10"`
	UnprivilegedPorts      *bool       `json:"enable-unprivileged-ports,omitempty" doc:"Let containers without the capability listen on ports below 1024." default:"false" example:"true"`
	UnprivilegedICMP       *bool       `json:"enable-unprivileged-icmp,omitempty" doc:"Let containers without the capability send pings." default:"false" example:"true"`
	Snapshotter            Snapshotter `json:"snapshotter,omitempty" doc:"How the layers of images are put together." default:"\"overlayfs\""`
}

// Snapshotter is container-runtime.snapshotter.
type Snapshotter string

// Rule says what a Snapshotter takes.
func (Snapshotter) Rule() Rule { return Rule{Enum: []string{"overlayfs"}} }

// Bundle is pki.NAME.
type Bundle struct {
	Data    Certificates `json:"data,omitempty" doc:"The certificates: base64 of PEM. Empty text takes the bundle away."`
	Trusted *bool        `json:"trusted,omitempty" doc:"Trust servers with certificates of these authorities." default:"false" example:"true"`
}

// API is the group api.
type API struct {
	VirtioSerial *bool `json:"virtio-serial,omitempty" doc:"Serve the API on the virtio-serial port dev.slipway.api, that is, to whoever runs the hypervisor." default:"false" example:"true"`
}

// Metrics is the group metrics.
type Metrics struct {
	SendMetrics   *bool      `json:"send-metrics,omitempty" doc:"Send the host's version, uptime and failed services to metrics-url from time to time." default:"false" example:"true"`
	MetricsURL    URL        `json:"metrics-url,omitempty" doc:"Where they are sent." example:"\"https://metrics.example.com/v1\""`
	ServiceChecks []UnitName `json:"service-checks,omitempty" doc:"Services whose state is sent." size:"64" default:"[\"slipway-apiserver\",\"containerd\"]" example:"[\"slipway-apiserver\",\"containerd\"]"`
	Local         *bool      `json:"local,omitempty" doc:"Serve GET /metrics, in Prometheus' text form, on the API's socket." default:"true" example:"false"`
}

// UnitName is the name of a systemd unit; without a suffix, of a service.
type UnitName string

// Rule says what a UnitName takes.
func (UnitName) Rule() Rule {
	return Rule{
		Expected: "the name of a systemd unit", Pattern: `^[A-Za-z0-9:_.@\\-]+$`, MinLength: 1, MaxLength: 255,
	}
}

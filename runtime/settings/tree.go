package settings

// Settings is the tree of variant base. A variant's own tree is beside it, see
// [Compose].
type Settings struct {
	MOTD                Text                              `json:"motd,omitempty" doc:"Message of the day: what a shell in a host container greets with." default:"\"Welcome to Slipway\"" example:"\"This host belongs to team red\""`
	Network             Network                           `json:"network,omitzero" doc:"Name of the host, its interfaces and its way out."`
	DNS                 DNS                               `json:"dns,omitzero" doc:"Name servers. Without them, those that DHCP names are used."`
	NTP                 NTP                               `json:"ntp,omitzero" doc:"Where the clock is set from."`
	Kernel              Kernel                            `json:"kernel,omitzero" doc:"The running kernel."`
	Boot                Boot                              `json:"boot,omitzero" doc:"The kernel's command line, which this system signs together with the kernel."`
	Updates             Updates                           `json:"updates,omitzero" doc:"Where updates of the system come from and when they are taken."`
	Health              Health                            `json:"health,omitzero" doc:"What has to be well before a boot counts as good. An update whose boots do not is taken back."`
	HostContainers      map[Identifier]HostContainer      `json:"host-containers,omitempty" doc:"Containers for the operator, which run beside the workloads, under a containerd of their own." size:"32" default:"{\"admin\":{\"enabled\":false,\"superpowered\":true},\"control\":{\"enabled\":false,\"superpowered\":false}}"`
	BootstrapContainers map[Identifier]BootstrapContainer `json:"bootstrap-containers,omitempty" doc:"Containers that run at boot, one after the other in the order of their names, before workloads are started." size:"32"`
	BootstrapCommands   map[Identifier]BootstrapCommand   `json:"bootstrap-commands,omitempty" doc:"Commands of apiclient that run at boot, in the order of their names, before the bootstrap containers." size:"32"`
	ContainerRegistry   ContainerRegistry                 `json:"container-registry,omitzero" doc:"How images are pulled, by workloads, host containers and bootstrap containers."`
	ContainerRuntime    ContainerRuntime                  `json:"container-runtime,omitzero" doc:"The containerd of the workloads."`
	PKI                 map[Identifier]Bundle             `json:"pki,omitempty" doc:"Bundles of certificates of authorities." size:"32"`
	API                 API                               `json:"api,omitzero" doc:"Doors to the API beside its socket."`
	Metrics             Metrics                           `json:"metrics,omitzero" doc:"What the host tells of itself."`
}

// otherVariants has the groups that variants other than base have, here or in
// Bottlerocket, so that user data made for them gets an answer that fits.
var otherVariants = map[string]string{
	"autoscaling":               "aws",
	"aws":                       "aws",
	"cloudformation":            "aws",
	"container-runtime-plugins": "kubernetes",
	"ecs":                       "ecs",
	"image-verifier-plugins":    "kubernetes",
	"kubelet-device-plugins":    "kubernetes",
	"kubelet-dra-drivers":       "kubernetes",
	"kubernetes":                "kubernetes",
	"measurement":               "nitro",
	"nvidia-container-runtime":  "nvidia",
	"oci-defaults":              "kubernetes, ecs",
	"oci-hooks":                 "kubernetes, ecs",
}

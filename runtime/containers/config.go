// Package containers runs what belongs to the host itself: host containers for
// the operator and bootstrap containers that prepare a boot. They have a
// containerd of their own, so that a broken workload locks nobody out.
package containers

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"

	"github.com/slipway-os/slipway/runtime/containers/image"
	"github.com/slipway-os/slipway/runtime/settings"
)

// ConfigPath is where the settings that this package needs are rendered to. It
// holds secrets.
const ConfigPath = "/etc/slipway/containers.json"

// Sockets and namespaces of the two containerds.
const (
	HostSocket        = "/run/host-containerd/containerd.sock"
	HostNamespace     = "default"
	WorkloadSocket    = "/run/containerd/containerd.sock"
	WorkloadNamespace = "k8s.io"
)

// Config is the part of the settings that is about containers.
type Config struct {
	HostContainers      map[settings.Identifier]settings.HostContainer      `json:"host-containers"`
	BootstrapContainers map[settings.Identifier]settings.BootstrapContainer `json:"bootstrap-containers"`
	BootstrapCommands   map[settings.Identifier]settings.BootstrapCommand   `json:"bootstrap-commands"`
	ContainerRegistry   settings.ContainerRegistry                          `json:"container-registry"`
	ContainerRuntime    settings.ContainerRuntime                           `json:"container-runtime"`
	PKI                 map[settings.Identifier]settings.Bundle             `json:"pki"`
	Network             settings.Network                                    `json:"network"`
}

// Load reads the settings of the host whose root folder is root. A host where
// they are not rendered has none.
func Load(root string) (Config, error) {
	b, err := os.ReadFile(filepath.Join(root, ConfigPath))
	if errors.Is(err, fs.ErrNotExist) {
		return Config{}, nil
	}
	if err != nil {
		return Config{}, fmt.Errorf("reading the settings of containers: %w", err)
	}
	var c Config
	if err := json.Unmarshal(b, &c); err != nil {
		return Config{}, fmt.Errorf("reading the settings of containers in %s: %w", ConfigPath, err)
	}
	return c, nil
}

// Access is how registries are reached.
func (c Config) Access() (image.Access, error) {
	a := image.Access{HTTPSProxy: string(c.Network.HTTPSProxy)}
	for i, host := range c.Network.NoProxy {
		if i > 0 {
			a.NoProxy += ","
		}
		a.NoProxy += string(host)
	}
	for _, m := range c.ContainerRegistry.Mirrors {
		mirror := image.Mirror{Registry: string(m.Registry)}
		for _, e := range m.Endpoint {
			mirror.Endpoints = append(mirror.Endpoints, string(e))
		}
		a.Mirrors = append(a.Mirrors, mirror)
	}
	for _, cred := range c.ContainerRegistry.Credentials {
		a.Credentials = append(a.Credentials, image.Credential{
			Registry: string(cred.Registry), Username: string(cred.Username), Password: string(cred.Password),
			Auth: string(cred.Auth), IdentityToken: string(cred.IdentityToken),
		})
	}
	for name, bundle := range c.PKI {
		if !settings.Or(bundle.Trusted, false) || bundle.Data == "" {
			continue
		}
		pem, err := base64.StdEncoding.DecodeString(string(bundle.Data))
		if err != nil {
			return a, fmt.Errorf("settings.pki.%s.data is not base64", name)
		}
		a.CAs = append(a.CAs, pem)
	}
	return a, nil
}

// A Kind is what a container is for.
type Kind string

// The kinds; the values are names of folders.
const (
	Host      Kind = "host-containers"
	Bootstrap Kind = "bootstrap-containers"
)

// A Container is one that the host runs for itself.
type Container struct {
	Kind         Kind
	Name         string // as in the settings
	Source       string // image, with registry and tag
	Superpowered bool   // it has the host
	Command      []string
	UserData     []byte // nil: none
	HTTPSProxy   string
	NoProxy      string
}

// ID is the container's name in containerd: what exec calls it by.
func (c Container) ID() string {
	if c.Kind == Bootstrap {
		return "boot." + c.Name
	}
	return c.Name
}

// Dir is the container's folder on STATE.
func (c Container) Dir() string { return filepath.Join("/var/lib", string(c.Kind), c.Name) }

// nameForm is what names of containers look like; they become names of units
// and folders.
var nameForm = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z_.-]{0,62}[0-9A-Za-z])?$`)

// HostContainer returns a host container of the settings.
func (c Config) HostContainer(name string) (Container, error) {
	h, ok := c.HostContainers[settings.Identifier(name)]
	if !ok {
		return Container{}, fmt.Errorf("there is no settings.host-containers.%s", name)
	}
	return c.container(Host, name, string(h.Source), string(h.UserData), settings.Or(h.Superpowered, false), h.Command)
}

// BootstrapContainer returns a bootstrap container of the settings.
func (c Config) BootstrapContainer(name string) (Container, error) {
	b, ok := c.BootstrapContainers[settings.Identifier(name)]
	if !ok {
		return Container{}, fmt.Errorf("there is no settings.bootstrap-containers.%s", name)
	}
	return c.container(Bootstrap, name, string(b.Source), string(b.UserData), false, b.Command)
}

func (c Config) container(kind Kind, name, source, data string, super bool, command []settings.Argument) (Container, error) {
	key := fmt.Sprintf("settings.%s.%s", kind, name)
	if !nameForm.MatchString(name) {
		return Container{}, fmt.Errorf("%s: this cannot be the name of a container", key)
	}
	if source == "" {
		return Container{}, fmt.Errorf("%s.source is not set", key)
	}
	source, err := image.Normalize(source)
	if err != nil {
		return Container{}, fmt.Errorf("%s.source: %w", key, err)
	}
	access, err := c.Access()
	if err != nil {
		return Container{}, err
	}
	made := Container{
		Kind: kind, Name: name, Source: source, Superpowered: super,
		HTTPSProxy: access.HTTPSProxy, NoProxy: access.NoProxy,
	}
	for _, word := range command {
		made.Command = append(made.Command, string(word))
	}
	if data != "" {
		if made.UserData, err = base64.StdEncoding.DecodeString(data); err != nil {
			return Container{}, fmt.Errorf("%s.user-data is not base64", key)
		}
	}
	return made, nil
}

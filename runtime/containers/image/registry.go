package image

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/containerd/containerd/v2/core/remotes/docker"
	"golang.org/x/net/http/httpproxy"
)

// Access is how registries are reached: what the settings container-registry,
// pki and network say of it.
type Access struct {
	Mirrors     []Mirror
	Credentials []Credential
	// CAs are PEM bundles of authorities to trust besides the host's own.
	CAs [][]byte
	// Proxies for https and for exceptions from it, as in HTTPS_PROXY and
	// NO_PROXY.
	HTTPSProxy, NoProxy string
}

// A Mirror has copies of a registry's images.
type Mirror struct {
	Registry  string   // "*" for every one
	Endpoints []string // hosts or URLs, in the order in which they are asked
}

// A Credential is how the host names itself to the registry or mirror of this
// name: by user and password, Auth or IdentityToken.
type Credential struct {
	Registry           string
	Username, Password string
	Auth               string // base64 of USERNAME:PASSWORD
	IdentityToken      string
}

// errCredentials are credentials that no registry can be shown.
var errCredentials = errors.New("credentials")

// secrets returns user and password; an empty user makes the password a token,
// as package docker has it.
func (c Credential) secrets() (user, password string, err error) {
	switch {
	case c.IdentityToken != "":
		return "", c.IdentityToken, nil
	case c.Auth != "":
		b, err := base64.StdEncoding.DecodeString(c.Auth)
		if err != nil {
			return "", "", fmt.Errorf("%w of %s: auth is not base64", errCredentials, c.Registry)
		}
		user, password, ok := strings.Cut(strings.TrimRight(string(b), "\x00"), ":")
		if !ok {
			return "", "", fmt.Errorf("%w of %s: auth is not USERNAME:PASSWORD in base64", errCredentials, c.Registry)
		}
		return user, password, nil
	}
	return c.Username, c.Password, nil
}

// endpoints lists where images of a registry are looked for: its mirrors, else
// those of "*", then the registry itself.
func (a Access) endpoints(registry string) ([]*url.URL, error) {
	var names []string
	for _, of := range []string{registry, "*"} {
		i := slices.IndexFunc(a.Mirrors, func(m Mirror) bool { return m.Registry == of })
		if i >= 0 {
			names = slices.Clone(a.Mirrors[i].Endpoints)
			break
		}
	}
	own, err := docker.DefaultHost(registry)
	if err != nil {
		return nil, fmt.Errorf("finding the host of %s: %w", registry, err)
	}
	var all []*url.URL
	for _, name := range append(names, own) {
		u, err := endpoint(name)
		if err != nil {
			return nil, fmt.Errorf("mirrors of %s: %w", registry, err)
		}
		all = append(all, u)
	}
	return all, nil
}

// endpoint makes a URL of a host or URL. Only this machine is spoken to without
// TLS unless the URL says http.
func endpoint(name string) (*url.URL, error) {
	if !strings.Contains(name, "://") {
		scheme := "https://"
		if local, err := docker.MatchLocalhost(name); err == nil && local {
			scheme = "http://"
		}
		name = scheme + name
	}
	u, err := url.Parse(name)
	if err != nil {
		return nil, fmt.Errorf("endpoint %q: %w", name, err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return nil, fmt.Errorf("endpoint %q is no http or https URL", name)
	}
	if u.Path = strings.TrimRight(u.Path, "/"); u.Path == "" {
		u.Path = "/v2"
	}
	return u, nil
}

// credential finds what to name ourselves by. A mirror gets only credentials
// that name it: those of a registry are nothing that its mirror should see.
func (a Access) credential(host string) (Credential, bool) {
	names := []string{host}
	if host == "registry-1.docker.io" {
		names = []string{"docker.io", "registry-1.docker.io", "index.docker.io"}
	}
	for _, c := range a.Credentials {
		name := strings.TrimPrefix(strings.TrimPrefix(c.Registry, "https://"), "http://")
		name, _, _ = strings.Cut(name, "/")
		if slices.Contains(names, name) {
			return c, true
		}
	}
	return Credential{}, false
}

// hosts is docker.RegistryHosts for one pull, which notes its attempts in t and
// breaks off answers that bring nothing for as long as stall.
func (a Access) hosts(t *trace, stall time.Duration) (docker.RegistryHosts, error) {
	base, err := a.transport(stall)
	if err != nil {
		return nil, err
	}
	client := &http.Client{Transport: &watched{base: base, trace: t, stall: stall}}
	return func(registry string) ([]docker.RegistryHost, error) {
		endpoints, err := a.endpoints(registry)
		if err != nil {
			return nil, err
		}
		var hosts []docker.RegistryHost
		for i, u := range endpoints {
			t.expect(u.Host, i < len(endpoints)-1)
			hosts = append(hosts, docker.RegistryHost{
				Client: client, Authorizer: a.authorizer(client), Host: u.Host, Scheme: u.Scheme, Path: u.Path,
				Capabilities: docker.HostCapabilityResolve | docker.HostCapabilityPull,
			})
		}
		return hosts, nil
	}, nil
}

func (a Access) authorizer(client *http.Client) docker.Authorizer {
	return docker.NewDockerAuthorizer(docker.WithAuthClient(client), docker.WithAuthCreds(
		func(host string) (string, string, error) {
			c, ok := a.credential(host)
			if !ok {
				return "", "", nil
			}
			return c.secrets()
		}))
}

func (a Access) transport(stall time.Duration) (*http.Transport, error) {
	roots, err := a.roots()
	if err != nil {
		return nil, err
	}
	proxy := (&httpproxy.Config{HTTPSProxy: a.HTTPSProxy, HTTPProxy: a.HTTPSProxy, NoProxy: a.NoProxy}).ProxyFunc()
	return &http.Transport{
		Proxy:                 func(r *http.Request) (*url.URL, error) { return proxy(r.URL) },
		DialContext:           (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSClientConfig:       &tls.Config{RootCAs: roots},
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: stall,
		MaxIdleConnsPerHost:   4,
		IdleConnTimeout:       30 * time.Second,
		ForceAttemptHTTP2:     true,
	}, nil
}

// roots are the authorities that servers' certificates must come from.
func (a Access) roots() (*x509.CertPool, error) {
	if len(a.CAs) == 0 {
		return nil, nil // the host's own
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, pem := range a.CAs {
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("a bundle of the settings pki holds no certificate in PEM")
		}
	}
	return pool, nil
}

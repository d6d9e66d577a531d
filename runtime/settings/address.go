package settings

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
)

// Types of text that name places in a network.

// hostLabel is a part of a host's name between dots, RFC 1123.
const hostLabel = `[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?`

// HostName is the name of a host, in lower case.
type HostName string

// Rule says what a HostName takes, see hostname(7).
func (HostName) Rule() Rule {
	return Rule{
		Expected:  "a host name: labels of 1 to 63 of a-z, 0-9 and -, between dots, 253 characters in all",
		Pattern:   `^[a-z0-9]([a-z0-9-]{0,62})?(\.[a-z0-9]([a-z0-9-]{0,62})?)*$`,
		MinLength: 1, MaxLength: 253,
	}
}

// IP is an IPv4 or IPv6 address without a zone.
type IP string

// Rule says what an IP takes.
func (IP) Rule() Rule {
	return Rule{
		Expected:  "an IPv4 or IPv6 address",
		Pattern:   `^([0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$`,
		MinLength: 2, MaxLength: 45,
		Check: func(s string) error {
			if _, err := netip.ParseAddr(s); err != nil {
				return errors.New("is not an address")
			}
			return nil
		},
	}
}

// Addr is the address, or the zero Addr.
func (ip IP) Addr() netip.Addr {
	a, _ := netip.ParseAddr(string(ip))
	return a
}

// Prefix4 is an IPv4 address with its prefix length.
type Prefix4 string

// Rule says what a Prefix4 takes.
func (Prefix4) Rule() Rule {
	return prefixRule("an IPv4 address with its prefix length, such as 192.0.2.10/24",
		`^[0-9]{1,3}(\.[0-9]{1,3}){3}/[0-9]{1,2}$`, netip.Addr.Is4)
}

// Prefix6 is an IPv6 address with its prefix length.
type Prefix6 string

// Rule says what a Prefix6 takes.
func (Prefix6) Rule() Rule {
	return prefixRule("an IPv6 address with its prefix length, such as 2001:db8::10/64",
		`^[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*/[0-9]{1,3}$`, netip.Addr.Is6)
}

func prefixRule(expected, pattern string, family func(netip.Addr) bool) Rule {
	return Rule{
		Expected: expected, Pattern: pattern, MinLength: 4, MaxLength: 49,
		Check: func(s string) error {
			if p, err := netip.ParsePrefix(s); err != nil || !family(p.Addr()) {
				return errors.New("is not an address with a prefix length")
			}
			return nil
		},
	}
}

// Destination is where a route leads: "default", or a network.
type Destination string

// Rule says what a Destination takes.
func (Destination) Rule() Rule {
	return Rule{
		Expected:  `"default" or a network such as 10.0.0.0/8 or 2001:db8::/32`,
		Pattern:   `^(default|[0-9A-Fa-f.:]+/[0-9]{1,3})$`,
		MinLength: 4, MaxLength: 49,
		Check: func(s string) error {
			if _, err := netip.ParsePrefix(s); err != nil && s != "default" {
				return errors.New("is not a network")
			}
			return nil
		},
	}
}

// Host is a host name or an address.
type Host string

// Rule says what a Host takes.
func (Host) Rule() Rule {
	return Rule{
		Expected:  "a host name, an IPv4 or an IPv6 address",
		Pattern:   `^(` + hostLabel + `(\.` + hostLabel + `)*\.?|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$`,
		MinLength: 1, MaxLength: 254,
		Check: func(s string) error {
			if !strings.Contains(s, ":") {
				return nil
			}
			return IP("").Rule().Check(s)
		},
	}
}

// URL is an http or https URL.
type URL string

// Rule says what a URL takes.
func (URL) Rule() Rule {
	return Rule{
		Expected:  "an http or https URL",
		Pattern:   `^https?://[!-~]+$`,
		MinLength: 8, MaxLength: 2048, Format: "uri",
		Check: checkURL,
	}
}

// Proxy is where a proxy is: a URL, or HOST:PORT, which means http.
type Proxy string

// Rule says what a Proxy takes.
func (Proxy) Rule() Rule {
	return Rule{
		Expected:  "an http or https URL, or HOST:PORT",
		Pattern:   `^(https?://)?[!-~]+$`,
		MinLength: 1, MaxLength: 2048,
		Check: func(s string) error {
			if strings.Contains(s, "://") {
				return checkURL(s)
			}
			return checkURL("http://" + s)
		},
	}
}

func checkURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || !printable(s) || u.Hostname() == "":
		return errors.New("is not a URL")
	case u.Scheme != "http" && u.Scheme != "https":
		return errors.New("is neither http nor https")
	case u.Fragment != "":
		return errors.New("has a fragment, which no server is sent")
	}
	return nil
}

// Registry is the host of a container registry, with a port where it is not the
// usual one.
type Registry string

const registry = `(https?://)?` + hostLabel + `(\.` + hostLabel + `)*(:[0-9]{1,5})?(/[a-z0-9._/-]*)?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?`

// Rule says what a Registry takes.
func (Registry) Rule() Rule {
	return Rule{
		Expected:  "a registry's host such as docker.io or registry.example.com:5000",
		Pattern:   `^(` + registry + `)$`,
		MinLength: 1, MaxLength: 512,
	}
}

// AnyRegistry is a Registry, or "*" for every one.
type AnyRegistry string

// Rule says what an AnyRegistry takes.
func (AnyRegistry) Rule() Rule {
	r := Registry("").Rule()
	r.Expected += ", or * for every one"
	r.Pattern = `^(\*|` + registry + `)$`
	return r
}

// Endpoint is where a mirror of a registry is: a URL, or a HOST[:PORT][/PATH],
// which means https.
type Endpoint string

// Rule says what an Endpoint takes.
func (Endpoint) Rule() Rule {
	r := Proxy("").Rule()
	r.Expected = "an http or https URL, or HOST[:PORT], which means https"
	return r
}

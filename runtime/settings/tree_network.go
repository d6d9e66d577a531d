package settings

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Network is the group network.
type Network struct {
	Hostname   HostName                         `json:"hostname,omitempty" doc:"Name of the host. Without it, the name that DHCP or the machine's metadata gives is used." example:"\"web-17.example.com\""`
	Hosts      []HostsEntry                     `json:"hosts,omitempty" doc:"Lines of /etc/hosts beside those of the host itself: an address and its names." size:"256" example:"[[\"192.0.2.7\",[\"db\",\"db.example.com\"]],[\"2001:db8::7\",[\"db6\"]]]"`
	HTTPSProxy Proxy                            `json:"https-proxy,omitempty" doc:"Proxy by which the host's services and containerd reach https servers." example:"\"http://proxy.example.com:3128\"" sensitive:"true"`
	NoProxy    []NoProxy                        `json:"no-proxy,omitempty" doc:"Hosts and networks that are reached without the proxy; localhost always is." size:"256" example:"[\"registry.example.com\",\".internal\",\"10.0.0.0/8\"]"`
	Interfaces map[InterfaceID]NetworkInterface `json:"interfaces,omitempty" doc:"Network interfaces by name or hardware address, in the words of Bottlerocket's net.toml. Without any, every wired interface asks DHCP." size:"64"`
}

// HostsEntry is a line of /etc/hosts, written as [ADDRESS, [NAME, …]].
type HostsEntry struct {
	IP    IP         `json:"ip" doc:"The address."`
	Names []HostName `json:"names" doc:"Its names, the canonical one first." size:"32"`
}

// Tuple makes a list of it.
func (HostsEntry) Tuple() {}

// MarshalJSON writes the list.
func (e HostsEntry) MarshalJSON() ([]byte, error) {
	return json.Marshal([]any{e.IP, e.Names})
}

// UnmarshalJSON reads the list.
func (e *HostsEntry) UnmarshalJSON(b []byte) error {
	var list []json.RawMessage
	if err := json.Unmarshal(b, &list); err != nil {
		return err
	}
	if len(list) != 2 {
		return fmt.Errorf("a line of /etc/hosts has %d members, want an address and a list of names", len(list))
	}
	return errors.Join(json.Unmarshal(list[0], &e.IP), json.Unmarshal(list[1], &e.Names))
}

// NoProxy is a host, a domain with what is below it (".example.com"), an
// address, a network or "*".
type NoProxy string

// Rule says what a NoProxy takes.
func (NoProxy) Rule() Rule {
	return Rule{
		Expected: "a host, a domain, an address, a network or *", Pattern: `^[A-Za-z0-9*._:/\[\]-]+$`,
		MinLength: 1, MaxLength: 256,
	}
}

// InterfaceID is the name of an interface or its hardware address.
type InterfaceID string

// IsMAC reports whether the ID is a hardware address: names have at most 15
// characters.
func (id InterfaceID) IsMAC() bool { return len(id) == 17 }

const interfaceName = `[A-Za-z0-9_-][A-Za-z0-9_.-]{0,14}`

// Rule says what an InterfaceID takes; the kernel bounds names by IFNAMSIZ.
func (InterfaceID) Rule() Rule {
	return Rule{
		Expected:  "an interface's name of 1 to 15 characters, or a hardware address such as 0e:b3:69:44:b6:33",
		Pattern:   `^(` + interfaceName + `|[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){5}|[0-9A-Fa-f]{2}(-[0-9A-Fa-f]{2}){5})$`,
		MinLength: 1, MaxLength: 17,
	}
}

// InterfaceName is the name of an interface.
type InterfaceName string

// Rule says what an InterfaceName takes.
func (InterfaceName) Rule() Rule {
	return Rule{
		Expected: "an interface's name of 1 to 15 characters", Pattern: `^` + interfaceName + `$`,
		MinLength: 1, MaxLength: 15,
	}
}

// NetworkInterface is network.interfaces.ID: a wired interface that is there, or
// with a Kind one that is made.
type NetworkInterface struct {
	Kind       InterfaceKind   `json:"kind,omitempty" doc:"Kind of an interface that the host makes. Without it, the interface is one of the machine's." example:"\"vlan\""`
	Primary    *bool           `json:"primary,omitempty" doc:"Take the host's own address from this interface; at most one." default:"false"`
	DHCP4      *DHCP4          `json:"dhcp4,omitempty" doc:"DHCP for IPv4; true or false stand for its field enabled."`
	DHCP6      *DHCP6          `json:"dhcp6,omitempty" doc:"DHCP for IPv6; true or false stand for its field enabled."`
	Static4    *Static4        `json:"static4,omitempty" doc:"Fixed IPv4 addresses."`
	Static6    *Static6        `json:"static6,omitempty" doc:"Fixed IPv6 addresses."`
	Route      []Route         `json:"route,omitempty" doc:"Fixed routes." size:"64" example:"[{\"to\":\"default\",\"via\":\"192.0.2.1\",\"route-metric\":100}]"`
	MTU        *int64          `json:"mtu,omitempty" doc:"Largest packet, in bytes; IPv6 needs 1280." min:"68" max:"65535" example:"9000"`
	Device     InterfaceName   `json:"device,omitempty" doc:"Of a vlan: the interface that it is on." example:"\"eno1\""`
	ID         *int64          `json:"id,omitempty" doc:"Of a vlan: its tag." min:"0" max:"4094" example:"42"`
	Mode       BondMode        `json:"mode,omitempty" doc:"Of a bond: how it uses its interfaces." example:"\"active-backup\""`
	MinLinks   *int64          `json:"min-links,omitempty" doc:"Of a bond: how many links must be up for it to be up." min:"0" max:"64" example:"1"`
	Interfaces []InterfaceName `json:"interfaces,omitempty" doc:"Of a bond: its interfaces, the preferred one first. Nothing else may use them." size:"64" example:"[\"eno11\",\"eno12\"]"`
	Monitoring *BondMonitoring `json:"monitoring,omitempty" doc:"Of a bond: how it finds out that a link is down, by MII or by ARP."`
}

// InterfaceKind is the kind of an interface that the host makes.
type InterfaceKind string

// The kinds.
const (
	KindVLAN InterfaceKind = "vlan"
	KindBond InterfaceKind = "bond"
)

// Rule says what an InterfaceKind takes.
func (InterfaceKind) Rule() Rule { return Rule{Enum: []string{"vlan", "bond"}} }

// BondMode is a mode of bonding, as the kernel names it.
type BondMode string

// Rule says what a BondMode takes.
func (BondMode) Rule() Rule {
	return Rule{Enum: []string{
		"active-backup", "balance-rr", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb",
	}}
}

// DHCP4 is dhcp4 of an interface.
type DHCP4 struct {
	Enabled     *bool  `json:"enabled,omitempty" doc:"Ask DHCP for an address."`
	RouteMetric *int64 `json:"route-metric,omitempty" doc:"Metric of the routes that DHCP gives; the lowest wins." min:"0" max:"4294967295" example:"200"`
	Optional    *bool  `json:"optional,omitempty" doc:"Do not wait for a lease at boot." default:"false"`
}

// Shorthand lets dhcp4 = true stand for dhcp4.enabled = true.
func (DHCP4) Shorthand() string { return "enabled" }

// DHCP6 is dhcp6 of an interface.
type DHCP6 struct {
	Enabled  *bool `json:"enabled,omitempty" doc:"Ask DHCP for an address."`
	Optional *bool `json:"optional,omitempty" doc:"Do not wait for a lease at boot." default:"false"`
}

// Shorthand lets dhcp6 = true stand for dhcp6.enabled = true.
func (DHCP6) Shorthand() string { return "enabled" }

// Static4 is static4 of an interface.
type Static4 struct {
	Addresses []Prefix4 `json:"addresses,omitempty" doc:"Addresses with their prefix lengths; the first is the interface's main one." example:"[\"192.0.2.10/24\"]"`
}

// Static6 is static6 of an interface.
type Static6 struct {
	Addresses []Prefix6 `json:"addresses,omitempty" doc:"Addresses with their prefix lengths; the first is the interface's main one." example:"[\"2001:db8::10/64\"]"`
}

// Route is a fixed route of an interface.
type Route struct {
	To          Destination `json:"to" doc:"Where it leads: a network or default." required:"true"`
	From        IP          `json:"from,omitempty" doc:"Address that packets are sent from."`
	Via         IP          `json:"via,omitempty" doc:"Gateway; without it the network is on the link."`
	RouteMetric *int64      `json:"route-metric,omitempty" doc:"The lowest metric wins." min:"0" max:"4294967295"`
}

// BondMonitoring is monitoring of a bond: either every miimon field or every
// arpmon field.
type BondMonitoring struct {
	MIIFrequency *int64      `json:"miimon-frequency-ms,omitempty" doc:"How often the link is looked at, in milliseconds." min:"1" max:"3600000" example:"100"`
	MIIUpDelay   *int64      `json:"miimon-updelay-ms,omitempty" doc:"How long a link has to be up before it is used, in milliseconds; at least the frequency." min:"1" max:"3600000" example:"200"`
	MIIDownDelay *int64      `json:"miimon-downdelay-ms,omitempty" doc:"How long a link has to be down before it is given up, in milliseconds; at least the frequency." min:"1" max:"3600000" example:"200"`
	ARPInterval  *int64      `json:"arpmon-interval-ms,omitempty" doc:"How often ARP requests are sent, in milliseconds." min:"1" max:"3600000" example:"200"`
	ARPValidate  ARPValidate `json:"arpmon-validate,omitempty" doc:"Which of the links' ARP packets are checked." example:"\"all\""`
	ARPTargets   []IP        `json:"arpmon-targets,omitempty" doc:"IPv4 addresses that are asked." size:"16" example:"[\"192.0.2.1\"]"`
}

// ARPValidate is arpmon-validate.
type ARPValidate string

// Rule says what an ARPValidate takes.
func (ARPValidate) Rule() Rule { return Rule{Enum: []string{"active", "all", "backup", "none"}} }

// DNS is the group dns.
type DNS struct {
	NameServers []IP       `json:"name-servers,omitempty" doc:"Addresses of name servers, in the order in which they are asked." size:"16" example:"[\"192.0.2.53\",\"2001:db8::53\"]"`
	SearchList  []HostName `json:"search-list,omitempty" doc:"Domains in which short names are looked for." size:"32" example:"[\"example.com\"]"`
}

// NTP is the group ntp.
type NTP struct {
	TimeServers []Host `json:"time-servers,omitempty" doc:"Time servers, or names that stand for pools of them." size:"32" default:"[\"pool.ntp.org\"]" example:"[\"time1.example.com\",\"192.0.2.123\"]"`
	Options     []Line `json:"options,omitempty" doc:"Words of chrony's directive pool that hold for every time server." size:"32" default:"[\"iburst\"]" example:"[\"iburst\",\"minpoll\",\"4\",\"maxpoll\",\"6\"]"`
}

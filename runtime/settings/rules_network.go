package settings

import (
	"maps"
	"net/netip"
	"slices"
)

// network holds the rules of network.interfaces.
func (r *rules) network(all map[InterfaceID]NetworkInterface) {
	var primary InterfaceID
	users := map[InterfaceName]InterfaceID{} // of interfaces that are part of a bond
	for _, id := range slices.Sorted(maps.Keys(all)) {
		nic, k := all[id], Key{"network", "interfaces", string(id)}
		if Or(nic.Primary, false) {
			if primary != "" {
				r.fail(k.child("primary"), "is true here and at %s: one interface can be primary", primary)
			}
			primary = id
		}
		if nic.Kind != "" && id.IsMAC() {
			r.fail(k, "is a hardware address, and a %s is made by name", nic.Kind)
		}
		r.kindFields(k, nic)
		r.addressing(k, nic)
		for _, part := range nic.Interfaces {
			if _, configured := all[InterfaceID(part)]; configured {
				r.fail(k.child("interfaces"), "has %s, which cannot be configured as well", part)
			}
			if other, taken := users[part]; taken {
				r.fail(k.child("interfaces"), "has %s, which %s has too", part, other)
			}
			users[part] = id
		}
	}
	for _, id := range slices.Sorted(maps.Keys(all)) {
		r.device(id, all, users)
	}
}

// device follows a vlan down to what is no vlan.
func (r *rules) device(id InterfaceID, all map[InterfaceID]NetworkInterface, users map[InterfaceName]InterfaceID) {
	nic, k := all[id], Key{"network", "interfaces", string(id), "device"}
	if nic.Kind != KindVLAN {
		return
	}
	if bond, taken := users[nic.Device]; taken {
		r.fail(k, "is %s, which is part of the bond %s", nic.Device, bond)
	}
	at := InterfaceID(nic.Device)
	for range len(all) {
		if at == id {
			r.fail(k, "leads back to this vlan")
			return
		}
		below, ok := all[at]
		if !ok || below.Kind != KindVLAN {
			return
		}
		at = InterfaceID(below.Device)
	}
}

// kindFields checks that an interface has the fields of its kind, and no others.
func (r *rules) kindFields(k Key, nic NetworkInterface) {
	has := []struct {
		field  string
		kind   InterfaceKind
		needed bool
		set    bool
	}{
		{"device", KindVLAN, true, nic.Device != ""},
		{"id", KindVLAN, true, nic.ID != nil},
		{"mode", KindBond, true, nic.Mode != ""},
		{"interfaces", KindBond, true, len(nic.Interfaces) > 0},
		{"monitoring", KindBond, true, nic.Monitoring != nil},
		{"min-links", KindBond, false, nic.MinLinks != nil},
	}
	for _, f := range has {
		switch {
		case f.kind == nic.Kind && f.needed && !f.set:
			r.fail(k.child(f.field), "is needed for a %s", nic.Kind)
		case f.kind != nic.Kind && f.set:
			r.fail(k.child(f.field), "is for a %s: set kind", f.kind)
		}
	}
	if nic.Kind != KindBond {
		return
	}
	if Or(nic.MinLinks, 0) > int64(len(nic.Interfaces)) {
		r.fail(k.child("min-links"), "is more than the number of interfaces")
	}
	if nic.Monitoring != nil {
		r.monitoring(k.child("monitoring"), *nic.Monitoring)
	}
}

func (r *rules) monitoring(k Key, m BondMonitoring) {
	mii := m.MIIFrequency != nil || m.MIIUpDelay != nil || m.MIIDownDelay != nil
	arp := m.ARPInterval != nil || m.ARPValidate != "" || len(m.ARPTargets) > 0
	switch {
	case mii && arp:
		r.fail(k, "has fields of both miimon and arpmon: choose one")
	case mii && (m.MIIFrequency == nil || m.MIIUpDelay == nil || m.MIIDownDelay == nil):
		r.fail(k, "needs miimon-frequency-ms, miimon-updelay-ms and miimon-downdelay-ms")
	case mii && (*m.MIIUpDelay < *m.MIIFrequency || *m.MIIDownDelay < *m.MIIFrequency):
		r.fail(k, "has a miimon-updelay-ms or miimon-downdelay-ms below miimon-frequency-ms")
	case arp && (m.ARPInterval == nil || m.ARPValidate == "" || len(m.ARPTargets) == 0):
		r.fail(k, "needs arpmon-interval-ms, arpmon-validate and arpmon-targets")
	}
	for _, ip := range m.ARPTargets {
		if !ip.Addr().Is4() {
			r.fail(k.child("arpmon-targets"), "has %s, which is no IPv4 address", ip)
		}
	}
}

// addressing checks routes and the packet size against the addresses.
func (r *rules) addressing(k Key, nic NetworkInterface) {
	dhcp4 := nic.DHCP4 != nil && Or(nic.DHCP4.Enabled, false)
	dhcp6 := nic.DHCP6 != nil && Or(nic.DHCP6.Enabled, false)
	ip6 := dhcp6 || nic.Static6 != nil
	if ip6 && Or(nic.MTU, 1280) < 1280 {
		r.fail(k.child("mtu"), "is below 1280, which IPv6 needs")
	}
	if len(nic.Route) > 0 && !dhcp4 && nic.Static4 == nil && !ip6 {
		r.fail(k.child("route"), "needs an address: set static4, static6, dhcp4 or dhcp6")
	}
	for _, route := range nic.Route {
		if !route.oneFamily() {
			r.fail(k.child("route"), "to %s mixes IPv4 and IPv6", route.To)
		}
		if route.To == "default" && route.Via == "" && route.From == "" {
			r.fail(k.child("route"), "to default needs via")
		}
	}
}

// oneFamily reports whether the addresses of a route are all IPv4 or all IPv6.
func (route Route) oneFamily() bool {
	var addresses []netip.Addr
	if p, err := netip.ParsePrefix(string(route.To)); err == nil {
		addresses = append(addresses, p.Addr())
	}
	for _, ip := range []IP{route.From, route.Via} {
		if ip != "" {
			addresses = append(addresses, ip.Addr())
		}
	}
	for _, a := range addresses {
		if a.Is4() != addresses[0].Is4() {
			return false
		}
	}
	return true
}

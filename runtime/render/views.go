package render

import (
	"maps"
	"slices"
	"strings"
)

// A view works elements out of the settings, where those that are in them do
// not have the shape of the files. A header names it by "view".
type view struct {
	reads string // the setting that the header must declare
	make  func(setting any) []Element
}

var views = map[string]view{
	"links":   {reads: "network.interfaces", make: links},
	"workers": {reads: "network.interfaces", make: workers},
}

// Views lists the names of the views, sorted.
func Views() []string { return slices.Sorted(maps.Keys(views)) }

// links lists every interface that needs a .network file: those of the
// settings, and those that a vlan is on without being in the settings. Each has
// its settings, and beside them
//
//	mac     true if its name is a hardware address
//	listed  true if it is in the settings
//	vlans   the names of the vlans on it
func links(setting any) []Element {
	interfaces, _ := setting.(map[string]any)
	all := map[string]map[string]any{}
	for name, v := range interfaces {
		fields, _ := v.(map[string]any)
		link := maps.Clone(fields)
		if link == nil {
			link = map[string]any{}
		}
		link["listed"], link["mac"], link["vlans"] = true, isMAC(name), []any{}
		all[name] = link
	}
	for _, name := range slices.Sorted(maps.Keys(interfaces)) {
		fields, _ := interfaces[name].(map[string]any)
		device, _ := fields["device"].(string)
		if fields["kind"] != "vlan" || device == "" {
			continue
		}
		if all[device] == nil {
			all[device] = map[string]any{"listed": false, "mac": false, "vlans": []any{}}
		}
		on, _ := all[device]["vlans"].([]any)
		all[device]["vlans"] = append(on, name)
	}
	return elementsOf(all)
}

// workers lists the interfaces that belong to bonds, each with "bond" and, for
// the first one of a bond that has a preferred link, "primary".
func workers(setting any) []Element {
	interfaces, _ := setting.(map[string]any)
	all := map[string]map[string]any{}
	for _, bond := range slices.Sorted(maps.Keys(interfaces)) {
		fields, _ := interfaces[bond].(map[string]any)
		if fields["kind"] != "bond" {
			continue
		}
		mode, _ := fields["mode"].(string)
		prefers := mode == "active-backup" || mode == "balance-tlb" || mode == "balance-alb"
		members, _ := fields["interfaces"].([]any)
		for i, m := range members {
			if name, ok := m.(string); ok && all[name] == nil {
				all[name] = map[string]any{"bond": bond, "primary": prefers && i == 0}
			}
		}
	}
	return elementsOf(all)
}

func elementsOf(all map[string]map[string]any) []Element {
	var out []Element
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, Element{Name: name, Value: all[name]})
	}
	return out
}

// isMAC tells a hardware address from a name, which has at most 15 characters.
func isMAC(name string) bool {
	return len(name) == 17 && strings.Count(name, ":")+strings.Count(name, "-") == 5
}

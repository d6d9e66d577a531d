package settings

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// flat is FlattenJSON of what is right by itself.
func flat(t *testing.T, doc string) Values {
	t.Helper()
	v, err := Base().FlattenJSON([]byte(doc))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestCheck(t *testing.T) {
	const bond = `"kind":"bond","mode":"active-backup"`
	const mii = `"miimon-frequency-ms":100,"miimon-updelay-ms":200,"miimon-downdelay-ms":200`
	nic := func(text string) string { return `{"network":{"interfaces":{` + text + `}}}` }
	for _, tt := range []struct{ name, doc, want string }{ // want "": valid
		{"nothing", `{}`, ""},
		{"send-metrics", `{"metrics":{"send-metrics":true}}`, "settings.metrics.metrics-url: is needed"},
		{"trusted nothing", `{"pki":{"a":{"trusted":true}}}`, "settings.pki.a.data: is needed"},
		{"a sysctl twice", `{"kernel":{"sysctl":{"a.b":"1","a/b":"2"}}}`, `settings.kernel.sysctl."a/b": names the same parameter as "a.b"`},
		{"two sysctls", `{"kernel":{"sysctl":{"a.b/c":"1","a.b.c":"2"}}}`, ""},
		{"a forbidden module", `{"kernel":{"modules":{"a":{"allowed":false,"autoload":true}}}}`, "settings.kernel.modules.a.autoload: is true while allowed is false"},
		{"an allowed module", `{"kernel":{"modules":{"a":{"autoload":true}}}}`, ""},
		{"half a repository", `{"updates":{"targets-base-url":"https://a"}}`, "settings.updates.metadata-base-url: is needed"},
		{"the other half", `{"updates":{"metadata-base-url":"https://a"}}`, "settings.updates.targets-base-url: is needed"},
		{"no window", `{"updates":{"strategy":"window"}}`, "settings.updates.window: is needed"},
		{"no lock", `{"updates":{"strategy":"fleet-lock"}}`, "settings.updates.fleet-lock.url: is needed"},
		{"a check of nothing", `{"health":{"checks":{"a":{"timeout":"1s"}}}}`, "settings.health.checks.a: needs either url or source"},
		{"a check of two", `{"health":{"checks":{"a":{"url":"http://a","source":"b"}}}}`, "settings.health.checks.a: needs either url or source"},
		{"a slow check", `{"health":{"deadline":"1m","checks":{"a":{"url":"http://a","timeout":"61s"}}}}`, "settings.health.checks.a.timeout: is longer than health.deadline"},
		{"no time to boot", `{"health":{"deadline":"59s"}}`, "settings.health.deadline: is below 1m0s"},
		{"no source", `{"host-containers":{"admin":{"enabled":true}}}`, "settings.host-containers.admin.source: is needed"},
		{"not enabled", `{"host-containers":{"a":{"superpowered":true}}}`, ""},
		{"no bootstrap source", `{"bootstrap-containers":{"a":{"mode":"once"}}}`, "settings.bootstrap-containers.a.source: is needed where mode is once"},
		{"off", `{"bootstrap-containers":{"a":{"essential":true}}}`, ""},
		{"no commands", `{"bootstrap-commands":{"a":{"mode":"always"}}}`, "settings.bootstrap-commands.a.commands: is needed"},
		{"a mirror twice", `{"container-registry":{"mirrors":[{"registry":"a","endpoint":["b"]},{"registry":"a","endpoint":["c"]}]}}`,
			"settings.container-registry.mirrors[1].registry: is there twice"},
		{"no credentials", `{"container-registry":{"credentials":[{"registry":"a"}]}}`, "credentials[0].registry: needs one of"},
		{"half credentials", `{"container-registry":{"credentials":[{"registry":"a","username":"b","auth":"YTpi"}]}}`, "credentials[0].registry: needs one of"},
		{"credentials twice", `{"container-registry":{"credentials":[{"registry":"a","auth":"YTpi"},{"registry":"a","identitytoken":"x"}]}}`, "credentials[1].registry: is there twice"},

		{"plain dhcp", nic(`"eno1":{"dhcp4":true,"dhcp6":true}`), ""},
		{"static", nic(`"eno1":{"static4":{"addresses":["192.0.2.2/24"]},"route":[{"to":"default","via":"192.0.2.1"}],"mtu":9000}`), ""},
		{"by hardware address", nic(`"0e:b3:69:44:b6:33":{"dhcp4":true}`), ""},
		{"bond", nic(`"bond0":{` + bond + `,"interfaces":["a","b"],"monitoring":{` + mii + `}}`), ""},
		{"vlan on a bond", nic(`"bond0":{` + bond + `,"interfaces":["a","b"],"monitoring":{` + mii + `}},"v":{"kind":"vlan","device":"bond0","id":4}`), ""},
		{"two primaries", nic(`"a":{"primary":true},"b":{"primary":true}`), "settings.network.interfaces.b.primary: is true here and at a"},
		{"a vlan by hardware address", nic(`"0e:b3:69:44:b6:33":{"kind":"vlan","device":"a","id":1}`), "is a hardware address, and a vlan is made by name"},
		{"a vlan of nothing", nic(`"v":{"kind":"vlan"}`), "settings.network.interfaces.v.device: is needed for a vlan\nsettings.network.interfaces.v.id: is needed"},
		{"a bond of nothing", nic(`"v":{"kind":"bond"}`), "settings.network.interfaces.v.mode: is needed for a bond"},
		{"a tag without kind", nic(`"v":{"id":1}`), "settings.network.interfaces.v.id: is for a vlan: set kind"},
		{"a bond's part that is configured", nic(`"a":{"dhcp4":true},"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{` + mii + `}}`),
			"settings.network.interfaces.bond0.interfaces: has a, which cannot be configured as well"},
		{"a part of two bonds", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{` + mii + `}},"bond1":{` + bond + `,"interfaces":["a"],"monitoring":{` + mii + `}}`),
			"settings.network.interfaces.bond1.interfaces: has a, which bond0 has too"},
		{"a vlan on a bond's part", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{` + mii + `}},"v":{"kind":"vlan","device":"a","id":4}`),
			"settings.network.interfaces.v.device: is a, which is part of the bond bond0"},
		{"a vlan on itself", nic(`"v":{"kind":"vlan","device":"v","id":4}`), "settings.network.interfaces.v.device: leads back"},
		{"vlans in a ring", nic(`"v":{"kind":"vlan","device":"w","id":4},"w":{"kind":"vlan","device":"v","id":4}`), "settings.network.interfaces.v.device: leads back"},
		{"too many links", nic(`"bond0":{` + bond + `,"interfaces":["a"],"min-links":2,"monitoring":{` + mii + `}}`), "min-links: is more than"},
		{"both kinds of monitoring", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{"arpmon-interval-ms":1,` + mii + `}}`), "monitoring: has fields of both"},
		{"half of miimon", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{"miimon-frequency-ms":1}}`), "monitoring: needs miimon-frequency-ms, miimon-updelay-ms"},
		{"a hasty miimon", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{"miimon-frequency-ms":9,"miimon-updelay-ms":9,"miimon-downdelay-ms":8}}`), "below miimon-frequency-ms"},
		{"half of arpmon", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{"arpmon-interval-ms":1}}`), "monitoring: needs arpmon-interval-ms, arpmon-validate"},
		{"arpmon of IPv6", nic(`"bond0":{` + bond + `,"interfaces":["a"],"monitoring":{"arpmon-interval-ms":1,"arpmon-validate":"all","arpmon-targets":["::1"]}}`), "has ::1, which is no IPv4 address"},
		{"small packets", nic(`"a":{"dhcp6":true,"mtu":1279}`), "mtu: is below 1280"},
		{"a route from nowhere", nic(`"a":{"dhcp4":false,"route":[{"to":"10.0.0.0/8"}]}`), "route: needs an address"},
		{"a mixed route", nic(`"a":{"dhcp4":true,"route":[{"to":"10.0.0.0/8","via":"::1"}]}`), "route: to 10.0.0.0/8 mixes"},
		{"a default to nowhere", nic(`"a":{"dhcp4":true,"route":[{"to":"default"}]}`), "route: to default needs via"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := Base().Defaults()
			for k, raw := range flat(t, tt.doc) {
				v[k] = raw
			}
			err := Base().Check(v)
			switch {
			case tt.want == "" && err != nil:
				t.Errorf("got %v, want none", err)
			case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("got %v, want %q", err, tt.want)
			case err != nil && len(Problems(err)) == 0:
				t.Errorf("%v is no Problem", err)
			}
		})
	}
}

// A store may hand in what another version wrote, or what a disk made of it.
func TestCheckOfStrangers(t *testing.T) {
	many := Values{}
	for i := range 33 {
		many[fmt.Sprintf("host-containers.n%d.enabled", i)] = json.RawMessage("false")
	}
	for _, tt := range []struct {
		name string
		v    Values
		want string
	}{
		{"no such setting", values("ntp.gone", `1`), "settings.ntp.gone: no such setting"},
		{"a group", values("ntp", `{}`), "settings.ntp: no such setting"},
		{"no key", values("a..b", `1`), "is not a key in canonical form"},
		{"another form of a key", values(`"ntp"."options"`, `[]`), "is not a key in canonical form"},
		{"no JSON", values("motd", `"`), "has a value that is not JSON"},
		{"a wrong value", values("motd", `1`), "settings.motd: is of the wrong type"},
		{"refused", values("boot.reboot-to-reconcile", `true`), "cannot be set on this host"},
		{"refused below", values("boot.kernel-parameters.quiet", `[]`), "settings.boot.kernel-parameters: cannot be set"},
		{"a bad name", values(`host-containers."a/b".enabled`, `true`), "a name is not of the right form"},
		{"too many entries", many, "settings.host-containers: has too many entries"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if err := Base().Check(tt.v); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

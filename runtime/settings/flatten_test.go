package settings

import (
	"bytes"
	"encoding/json"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

// values makes Values of text.
func values(pairs ...string) Values {
	v := Values{}
	for i := 0; i < len(pairs); i += 2 {
		v[pairs[i]] = json.RawMessage(pairs[i+1])
	}
	return v
}

// texts makes Values readable for cmp.
func texts(v Values) map[string]string {
	m := map[string]string{}
	for k, raw := range v {
		m[k] = string(raw)
	}
	return m
}

func TestFlattenJSON(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      Values
	}{
		{"nothing", `{}`, values()},
		{"empty groups", `{"ntp":{},"host-containers":{"admin":{}}}`, values()},
		{"a setting of the top level", `{"motd":"a <b> & \u00e4"}`, values("motd", `"a <b> & ä"`)},
		{"a list, with spaces", `{"ntp":{"time-servers":[ "a.example.com" , "192.0.2.1" ]}}`,
			values("ntp.time-servers", `["a.example.com","192.0.2.1"]`)},
		{"an empty list", `{"ntp":{"options":[]}}`, values("ntp.options", `[]`)},
		{"maps", `{"host-containers":{"admin":{"enabled":true,"source":"r.example.com/admin:1"}}}`,
			values("host-containers.admin.enabled", `true`, "host-containers.admin.source", `"r.example.com/admin:1"`)},
		{"names with dots", `{"kernel":{"sysctl":{"net.ipv4.ip_forward":"1"}}}`,
			values(`kernel.sysctl."net.ipv4.ip_forward"`, `"1"`)},
		{"integers as JSON Schema counts them", `{"updates":{"seed":1.0e2}}`, values("updates.seed", `100`)},
		{"shorthand", `{"network":{"interfaces":{"eno1":{"dhcp4":true,"dhcp6":{"enabled":false}}}}}`,
			values("network.interfaces.eno1.dhcp4.enabled", `true`, "network.interfaces.eno1.dhcp6.enabled", `false`)},
		{"tuples", `{"network":{"hosts":[["192.0.2.1",["a","b"]]]}}`, values("network.hosts", `[["192.0.2.1",["a","b"]]]`)},
		{"aliases", `{"container-registry":{"creds":[{"registry":"r","auth":"YTpi"}]}}`,
			values("container-registry.credentials", `[{"auth":"YTpi","registry":"r"}]`)},
		{"the old form of mirrors", `{"container-registry":{"mirrors":{"docker.io":["https://m"],"*":["n"]}}}`,
			values("container-registry.mirrors", `[{"endpoint":["n"],"registry":"*"},{"endpoint":["https://m"],"registry":"docker.io"}]`)},
		{"commands", `{"bootstrap-commands":{"001":{"commands":[["apiclient","set","motd=a"]]}}}`,
			values("bootstrap-commands.001.commands", `[["apiclient","set","motd=a"]]`)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Base().FlattenJSON([]byte(tt.doc))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(texts(tt.want), texts(got)); diff != "" {
				t.Errorf("values (-want +got):\n%s", diff)
			}
			again, err := Base().Flatten(Base().Nest(got))
			if diff := cmp.Diff(texts(got), texts(again)); err != nil || diff != "" {
				t.Errorf("Flatten(Nest(v)): %v (-want +got):\n%s", err, diff)
			}
		})
	}
}

func TestFlattenRefuses(t *testing.T) {
	for _, tt := range []struct {
		name, doc string
		want      []string // parts of the whole message, in order
	}{
		{"a wrong type", `{"ntp":{"time-servers":"a"}}`,
			[]string{`settings.ntp.time-servers: is of the wrong type (expected a list`, `found "a")`}},
		{"a wrong member", `{"ntp":{"time-servers":["a","b c"]}}`, []string{`settings.ntp.time-servers[1]: is not of the right form`, `found "b c"`}},
		{"null", `{"motd":null}`, []string{"settings.motd: is of the wrong type", "found nothing"}},
		{"a number for text", `{"kernel":{"sysctl":{"net.ipv4.ip_forward":1}}}`,
			[]string{`settings.kernel.sysctl."net.ipv4.ip_forward": is of the wrong type (expected one line of text, found 1)`}},
		{"text for a number", `{"updates":{"seed":"1"}}`, []string{`expected an integer from 0 to 2047, found "1"`}},
		{"a fraction", `{"updates":{"seed":1.5}}`, []string{"is of the wrong type", "found 1.5"}},
		{"out of range", `{"updates":{"seed":2048}}`, []string{"is out of range", "found 2048"}},
		{"huge", `{"updates":{"seed":1e999999999}}`, []string{"is of the wrong type"}},
		{"text for a group", `{"ntp":"a"}`, []string{"settings.ntp: is of the wrong type (expected a table with time-servers, options"}},
		{"text for an entry", `{"pki":{"a":"b"}}`, []string{"settings.pki.a: is of the wrong type"}},
		{"a slip of the pen", `{"ntp":{"time-server":[]}}`, []string{"settings.ntp.time-server: no such setting; did you mean ntp.time-servers?"}},
		{"no such setting", `{"ntp":{"foo":[]}}`, []string{"settings.ntp.foo: no such setting (expected one of time-servers, options)"}},
		{"another variant's group", `{"kubernetes":{}}`, []string{"settings.kubernetes: this group belongs to another variant (kubernetes)"}},
		{"no such group", `{"foo":{}}`, []string{"settings.foo: no such group"}},
		{"a bad name", `{"host-containers":{"a/b":{}}}`, []string{"settings.host-containers: a name is not of the right form", `found "a/b"`}},
		{"a sysctl that leads out", `{"kernel":{"sysctl":{"net/../../x":"1"}}}`, []string{"settings.kernel.sysctl: a name has an empty part"}},
		{"an unknown field in a list", `{"container-registry":{"mirrors":[{"registry":"a","endpoint":[],"x":1}]}}`,
			[]string{"settings.container-registry.mirrors[0].x: no such setting"}},
		{"a missing field in a list", `{"container-registry":{"mirrors":[{"endpoint":[]}]}}`,
			[]string{"settings.container-registry.mirrors[0].registry: is missing"}},
		{"two names at once", `{"container-registry":{"creds":[],"credentials":[]}}`, []string{"is there twice, also by its other name creds"}},
		{"a short tuple", `{"network":{"hosts":[["192.0.2.1"]]}}`, []string{"settings.network.hosts[0]: has 1 members, not 2"}},
		{"another program", `{"bootstrap-commands":{"a":{"commands":[["rm","-r"]]}}}`,
			[]string{"settings.bootstrap-commands.a.commands[0]: does not begin with apiclient"}},
		{"kernel parameters", `{"boot":{"kernel-parameters":{"quiet":[]}}}`,
			[]string{"settings.boot.kernel-parameters: cannot be set on this host: ", `name the parameter in "cmdline" of the variant`}},
		{"reconciling", `{"boot":{"reboot-to-reconcile":true}}`, []string{"settings.boot.reboot-to-reconcile: cannot be set on this host"}},
		{"several mistakes", `{"motd":1,"ntp":{"a":1},"updates":{"seed":-1}}`,
			[]string{"settings.motd: ", "settings.ntp.a: ", "settings.updates.seed: "}},
		{"twice", "{\"motd\":\"a\",\n\"motd\":\"b\"}", []string{`line 2: the JSON is not valid: the key "motd" is there twice`}},
		{"more after the end", "{}\n{}", []string{"line 2: the JSON is not valid: something follows"}},
		{"cut off", `{"motd":`, []string{"the document ends too early"}},
		{"no JSON", `{motd}`, []string{"line 1: the JSON is not valid: invalid character 'm'"}},
		{"a list", `[]`, []string{"the document is not an object"}},
		{"nothing at all", ``, []string{"ends too early"}},
		{"not UTF-8", "{\"motd\":\"\xff\"}", []string{"is not UTF-8"}},
		{"too deep", strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40), []string{"has more than 32 levels"}},
		{"deep lists", strings.Repeat(`[`, 500000), []string{"has more than 32 levels"}},
		{"too many values", `[` + strings.Repeat(`{},`, 300000) + `{}]`, []string{"has more than 65536 values"}},
		{"too large", `{"motd":"` + strings.Repeat("a", MaxSize) + `"}`, []string{"is larger than 1048576 bytes"}},
		{"long text", `{"motd":"` + strings.Repeat("a", 5000) + `"}`, []string{"is longer than 4096 characters"}},
		{"an escape", `{"motd":"\u001b[2J"}`, []string{"settings.motd: is not of the right form"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Base().FlattenJSON([]byte(tt.doc))
			if err == nil {
				t.Fatal("no error")
			}
			rest := err.Error()
			for _, part := range tt.want {
				_, after, found := strings.Cut(rest, part)
				if !found {
					t.Fatalf("got %q, want in order %q", err, tt.want)
				}
				rest = after
			}
		})
	}
}

// What is right is there beside the mistakes.
func TestFlattenKeepsTheRest(t *testing.T) {
	got, err := Base().FlattenJSON([]byte(`{"kubernetes":{"a":1},"motd":"hi","ntp":{"options":1,"time-servers":["a"]},"nonesuch":1}`))
	if diff := cmp.Diff(texts(values("motd", `"hi"`, "ntp.time-servers", `["a"]`)), texts(got)); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if p := Problems(err); len(p) != 1 || p[0].Key != "ntp.options" {
		t.Errorf("problems: %v, want one of ntp.options", p)
	}
	var groups []string
	for _, u := range UnknownGroups(err) {
		groups = append(groups, u.Group+":"+u.Variant)
	}
	if diff := cmp.Diff([]string{"kubernetes:kubernetes", "nonesuch:"}, groups); diff != "" {
		t.Errorf("unknown groups (-want +got):\n%s", diff)
	}
}

func TestFlattenBounds(t *testing.T) {
	entries := func(n int, entry string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"n%d":%s`, i, entry)
		}
		return strings.TrimPrefix(b.String(), ",")
	}
	list := strings.TrimSuffix(strings.Repeat(`"a",`, 33), ",")
	for name, doc := range map[string]string{
		"map":       `{"host-containers":{` + entries(33, `{"enabled":true}`) + `}}`,
		"list":      `{"ntp":{"time-servers":[` + list + `]}}`,
		"all names": `{"kernel":{"sysctl":{` + entries(513, `"1"`) + `}}}`,
	} {
		if _, err := Base().FlattenJSON([]byte(doc)); err == nil || !strings.Contains(err.Error(), "has too many entries") {
			t.Errorf("%s: got %v, want too many entries", name, err)
		}
	}
	_, err := Base().FlattenJSON([]byte(`{` + entries(20000, `1`) + `}`))
	if n := len(UnknownGroups(err)) + len(Problems(err)); n != maxProblems+1 {
		t.Errorf("20000 mistakes give %d, want %d", n, maxProblems+1)
	}
	large := map[string]any{}
	for i := range 32 {
		large[fmt.Sprint(i)] = map[string]any{"user-data": strings.Repeat("AAAA", 60000/4)}
	}
	if _, err := Base().Flatten(map[string]any{"host-containers": large, "bootstrap-containers": large}); err == nil ||
		!strings.Contains(err.Error(), "larger than 1048576 bytes in all") {
		t.Errorf("2 MB of settings: got %v", err)
	}
}

// The memory that hostile documents take is bounded, whatever they are.
func TestFlattenMemory(t *testing.T) {
	for name, unit := range map[string]string{
		"lists": `[],`, "objects": `{},`, "nested": `{"a":[{}]},`, "text": `"a",`, "numbers": `1,`,
		"names": `{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"i":1},`,
	} {
		doc := []byte(`{"ntp":{"options":[` + strings.Repeat(unit, (MaxSize-100)/len(unit)) + `0]}}`)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if _, err := Base().FlattenJSON(doc); err == nil {
			t.Errorf("%s: no error", name)
		}
		runtime.ReadMemStats(&after)
		const most = 32 << 20
		if n := after.TotalAlloc - before.TotalAlloc; n > most {
			t.Errorf("%s: 1 MiB took %d bytes of memory, want at most %d", name, n, most)
		}
	}
}

// TOML decodes to other Go types than JSON.
func TestFlattenTOML(t *testing.T) {
	var doc struct {
		Settings map[string]any `toml:"settings"`
	}
	text := "[settings.updates]\nseed = 7\n[settings.ntp]\ntime-servers = [\"a\"]\n" +
		"[[settings.container-registry.mirrors]]\nregistry = \"r\"\nendpoint = [\"e\"]\n"
	if err := toml.Unmarshal([]byte(text), &doc); err != nil {
		t.Fatal(err)
	}
	got, err := Base().Flatten(doc.Settings)
	if err != nil {
		t.Fatal(err)
	}
	want := values("updates.seed", "7", "ntp.time-servers", `["a"]`, "container-registry.mirrors", `[{"endpoint":["e"],"registry":"r"}]`)
	if diff := cmp.Diff(texts(want), texts(got)); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	doc.Settings = nil
	if err := toml.Unmarshal([]byte("[settings]\nmotd = 2026-01-01\n"), &doc); err != nil {
		t.Fatal(err)
	}
	if _, err := Base().Flatten(doc.Settings); err == nil || !strings.Contains(err.Error(), "found a value of the type LocalDate") {
		t.Errorf("a date: got %v", err)
	}
}

// FuzzFlattenJSON also holds the JSON Schema to what Flatten takes.
func FuzzFlattenJSON(f *testing.F) {
	for _, leaf := range Base().Leaves() {
		if leaf.Example != nil {
			f.Add([]byte(nestedExample(leaf.Key, &node{example: leaf.Example})))
		}
	}
	f.Add([]byte(`{"network":{"interfaces":{"a":{"dhcp4":true,"route":[{"to":"default"}]}}},"motd":"\ud800"}`))
	schema := compileSchema(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := Base().FlattenJSON(doc)
		if err != nil && len(Problems(err))+len(UnknownGroups(err)) == 0 {
			t.Fatalf("%v is no Problem", err)
		}
		_ = Base().Check(v)
		again, againErr := Base().Flatten(Base().Nest(v))
		if diff := cmp.Diff(texts(v), texts(again)); againErr != nil || diff != "" {
			t.Errorf("Flatten(Nest(v)): %v (-want +got):\n%s", againErr, diff)
		}
		if err != nil {
			return
		}
		if err := judge(schema, bytes.Clone(doc)); err != nil {
			t.Errorf("the JSON Schema refuses what Flatten takes: %v", err)
		}
	})
}

package settings

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pelletier/go-toml/v2"
)

// Every setting's example is valid, and comes out as it went in, also through
// the Go types.
func TestExamples(t *testing.T) {
	schema := compileSchema(t)
	for _, leaf := range Base().Leaves() {
		if leaf.Example == nil || leaf.Refused != "" {
			continue
		}
		doc := []byte(nestedExample(leaf.Key, &node{example: leaf.Example}))
		if slices.Contains(leaf.Key, "interfaces") {
			doc = []byte(strings.Replace(string(doc), "NAME", "eno1", 1))
		}
		v, err := Base().FlattenJSON(doc)
		if err != nil || len(v) != 1 {
			t.Errorf("%s: %v: values %v", doc, err, texts(v))
			continue
		}
		if err := judge(schema, doc); err != nil {
			t.Errorf("%s: the JSON Schema says %v", doc, err)
		}
		decoded, err := Decode[Settings](Base(), v)
		if err != nil {
			t.Errorf("%s: %v", doc, err)
		}
		encoded, err := json.Marshal(decoded)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Base().FlattenJSON(encoded)
		if diff := cmp.Diff(texts(v), texts(again)); err != nil || diff != "" {
			t.Errorf("%s through the Go types: %v (-want +got):\n%s", doc, err, diff)
		}
	}
}

// Everything that can be set is explained, and has an example or a default or
// is an entry whose example is at its map.
func TestEverySettingIsExplained(t *testing.T) {
	for _, leaf := range Base().Leaves() {
		inMap := leaf.Key[len(leaf.Key)-1] == "*"
		if leaf.Doc == "" && !inMap {
			t.Errorf("%s has no doc", leaf.Key)
		}
		if leaf.Example == nil && leaf.Default == nil && leaf.Refused == "" && !inMap && leaf.Kind != KindBool {
			if leaf.Key.String() != `pki."*".data` { // as long as a certificate
				t.Errorf("%s has neither example nor default", leaf.Key)
			}
		}
		if found, ok := Base().Find(leaf.Key); !ok || found.Kind != leaf.Kind {
			t.Errorf("Find(%s) = %v, %v", leaf.Key, found, ok)
		}
	}
}

func TestDefaults(t *testing.T) {
	d := Base().Defaults()
	if err := Base().Check(d); err != nil {
		t.Errorf("the defaults are not valid: %v", err)
	}
	for key, want := range map[string]string{
		"ntp.time-servers": `["pool.ntp.org"]`, "api.virtio-serial": "false", "health.deadline": `"5m"`,
		"host-containers.admin.superpowered": "true", "updates.strategy": `"manual"`,
	} {
		if string(d[key]) != want {
			t.Errorf("the default of %s is %s, want %s", key, d[key], want)
		}
	}
	for key := range d {
		if strings.Contains(key, "*") {
			t.Errorf("there is a default of the pattern %s", key)
		}
	}
}

func TestWithDefaults(t *testing.T) {
	v := values("host-containers.tool.enabled", "true", "host-containers.admin.superpowered", "false",
		"health.checks.web.url", `"http://a"`, "ntp.time-servers", `["a"]`, "stranger.of.another.version", "1")
	got := Base().WithDefaults(v)
	for key, want := range map[string]string{
		"host-containers.tool.enabled": "true", "host-containers.tool.superpowered": "false",
		"host-containers.admin.superpowered": "false", "host-containers.admin.enabled": "false",
		"health.checks.web.timeout": `"30s"`, "ntp.time-servers": `["a"]`, "ntp.options": `["iburst"]`,
		"stranger.of.another.version": "1",
	} {
		if string(got[key]) != want {
			t.Errorf("%s is %s, want %s", key, got[key], want)
		}
	}
	if len(v) != 5 {
		t.Errorf("the argument was changed: %v", texts(v))
	}
}

func TestFind(t *testing.T) {
	for _, tt := range []struct {
		key, pattern string
		kind         Kind
		group        bool
		secret       bool
	}{
		{"ntp", "ntp", KindGroup, true, false},
		{"ntp.time-servers", "ntp.time-servers", KindList, false, false},
		{"host-containers", "host-containers", KindMap, true, false},
		{"host-containers.admin", `host-containers."*"`, KindGroup, true, false},
		{"host-containers.admin.user-data", `host-containers."*".user-data`, KindString, false, true},
		{"container-registry.credentials", "container-registry.credentials", KindList, false, true},
		{"container-registry.mirrors", "container-registry.mirrors", KindList, false, false},
		{`kernel.sysctl."a.b"`, `kernel.sysctl."*"`, KindString, false, false},
	} {
		k, err := ParseKey(tt.key)
		if err != nil {
			t.Fatal(err)
		}
		n, ok := Base().Find(k)
		if !ok || n.Key.String() != tt.pattern || n.Kind != tt.kind || n.Group != tt.group || n.Sensitive != tt.secret {
			t.Errorf("Find(%s) = %+v, %v", tt.key, n, ok)
		}
	}
	for _, k := range []Key{nil, {"x"}, {"ntp", "x"}, {"motd", "x"}, {"container-registry", "creds"}} {
		if n, ok := Base().Find(k); ok {
			t.Errorf("Find(%s) = %+v, want none", k, n)
		}
	}
}

// cluster is what a variant adds.
type cluster struct {
	Orchestrator orchestrator `json:"orchestrator,omitzero" doc:"A made-up orchestrator."`
}

type orchestrator struct {
	Server URL                    `json:"api-server,omitempty" doc:"Its server." example:"\"https://a\""`
	Node   *HostName              `json:"node-name,omitempty" doc:"Name of the node."`
	Pods   map[Identifier]*Module `json:"pods,omitempty" doc:"Pods."`
}

// Check is a rule of the variant.
func (c *cluster) Check() error {
	if c.Orchestrator.Node != nil && c.Orchestrator.Server == "" {
		return &Problem{Key: "orchestrator.api-server", Message: "is needed"}
	}
	return nil
}

func TestComposeByVariant(t *testing.T) {
	s := withOwn([]any{cluster{}})
	doc := []byte(`{"ntp":{"time-servers":["a"]},"orchestrator":{"node-name":"n","pods":{"p":{"allowed":true}}}}`)
	v, err := s.FlattenJSON(doc)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Check(v); err == nil || Problems(err)[0].Key != "orchestrator.api-server" {
		t.Errorf("the variant's rule: got %v", err)
	}
	v["orchestrator.api-server"] = json.RawMessage(`"https://a"`)
	if err := s.Check(v); err != nil {
		t.Error(err)
	}
	own, err := Decode[cluster](s, v)
	if err != nil || *own.Orchestrator.Node != "n" || !Or(own.Orchestrator.Pods["p"].Allowed, false) {
		t.Errorf("the variant's tree: %+v, %v", own, err)
	}
	if err := judge(compileDocument(t, s.JSONSchema(), ""), doc); err != nil {
		t.Errorf("the JSON Schema: %v", err)
	}
	if !strings.Contains(string(s.Markdown()), "### `orchestrator.api-server`") {
		t.Error("the reference does not have the variant's group")
	}
	if _, err := Base().FlattenJSON(doc); len(UnknownGroups(err)) != 1 {
		t.Errorf("base takes the variant's group: %v", err)
	}
}

func TestComposeRefuses(t *testing.T) {
	type noDoc struct {
		A bool `json:"a"`
	}
	type noName struct {
		A bool `doc:"d"`
	}
	type float struct {
		A float64 `json:"a" doc:"d"`
	}
	type badDefault struct {
		A HostName `json:"a" doc:"d" default:"\"A\""`
	}
	type badExample struct {
		A *int64 `json:"a" doc:"d" max:"3" example:"4"`
	}
	type mapInList struct {
		A []map[string]bool `json:"a" doc:"d"`
	}
	for want, tree := range map[string]any{
		"the tag doc is missing": noDoc{}, "is not bare": noName{}, "no such kind": float{},
		"the tag default": badDefault{}, "the tag example": badExample{}, "a map cannot be in a list": mapInList{},
		"is not a struct": Line(""),
	} {
		if _, err := Compose(tree); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Compose(%T) = %v, want %q", tree, err, want)
		}
	}
	if _, err := Compose(Settings{}, Settings{}); err == nil || !strings.Contains(err.Error(), "is there twice") {
		t.Errorf("one group twice: got %v", err)
	}
}

func TestForVariant(t *testing.T) {
	for _, id := range []string{"base", "", "nonesuch"} {
		if !slices.Equal(ForVariant(id).Groups(), Base().Groups()) {
			t.Errorf("variant %q has the groups %v", id, ForVariant(id).Groups())
		}
	}
	for group := range otherVariants {
		if slices.Contains(Base().Groups(), group) {
			t.Errorf("the group %s is said to belong to another variant, and base has it", group)
		}
	}
}

// User data as Bottlerocket's documents show it is taken as it is, but for
// groups that other variants have.
func TestBottlerocketUserData(t *testing.T) {
	files, err := filepath.Glob("testdata/bottlerocket/*.toml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var doc struct{ Settings map[string]any }
			if err := toml.Unmarshal(text, &doc); err != nil {
				t.Fatal(err)
			}
			v, err := Base().Flatten(doc.Settings)
			if p := Problems(err); len(p) > 0 {
				t.Error(errors.Join(err))
			}
			for _, u := range UnknownGroups(err) {
				if u.Variant == "" {
					t.Errorf("nobody knows the group %s", u.Group)
				}
			}
			if err := Base().Check(Base().WithDefaults(v)); err != nil || len(v) == 0 {
				t.Errorf("%d values: %v", len(v), err)
			}
		})
	}
}

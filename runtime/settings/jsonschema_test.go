package settings

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// compileSchema compiles the JSON Schema, formats asserted.
func compileSchema(t testing.TB) *jsonschema.Schema {
	t.Helper()
	return compileDocument(t, Base().JSONSchema(), "")
}

func compileDocument(t testing.TB, doc []byte, pointer string) *jsonschema.Schema {
	t.Helper()
	decoded, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("settings.json", decoded); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("settings.json" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// judge asks the schema about a JSON document.
func judge(s *jsonschema.Schema, doc []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return err
	}
	return s.Validate(v)
}

// documents are judged by Flatten and by the JSON Schema alike.
var documents = map[bool][]string{
	true: {
		`{}`, `{"motd":""}`, `{"motd":"two\nlines"}`, `{"ntp":{}}`, `{"ntp":{"time-servers":[]}}`,
		`{"network":{"hostname":"a.b-c.d"}}`, `{"network":{"https-proxy":"proxy:3128"}}`,
		`{"network":{"no-proxy":["*",".a","10.0.0.0/8","[::1]:80"]}}`,
		`{"network":{"interfaces":{"eno1":{"dhcp4":true,"dhcp6":{"enabled":true,"optional":true}}}}}`,
		`{"network":{"interfaces":{"0E-b3-69-44-b6-33":{"static6":{"addresses":["::1/128"]}}}}}`,
		`{"dns":{"name-servers":["::","::ffff:192.0.2.1","192.0.2.1"]}}`,
		`{"kernel":{"lockdown":"none","sysctl":{"a":"","a.b/c":"1 2"}}}`,
		`{"updates":{"version-lock":"v1.0.0-rc.1+b.2","seed":2047,"window":"Mon,Wed-Fri 22:00-02:00"}}`,
		`{"updates":{"seed":1e2}}`, `{"health":{"deadline":"1h30m"}}`,
		`{"host-containers":{"a":{"source":"localhost:5000/a/b_c:1@sha256:` + strings.Repeat("0a", 32) + `"}}}`,
		`{"bootstrap-containers":{"a":{"user-data":""}}}`, `{"bootstrap-commands":{"a":{"commands":[["apiclient"]]}}}`,
		`{"container-registry":{"mirrors":{"*":["a"]}}}`, `{"container-registry":{"mirrors":[{"registry":"[::1]:5000","endpoint":["http://a"]}]}}`,
		`{"container-registry":{"creds":[{"registry":"a"}]}}`, `{"container-runtime":{"max-container-log-line-size":-1}}`,
		`{"pki":{"a":{"data":""}}}`, `{"metrics":{"service-checks":["a@b.service"]}}`,
	},
	false: {
		`[]`, `1`, `null`, `{"motd":1}`, `{"motd":null}`, `{"motd":"\u0007"}`, `{"nonesuch":{}}`, `{"kubernetes":{}}`,
		`{"ntp":[]}`, `{"ntp":{"x":1}}`, `{"ntp":{"time-servers":"a"}}`, `{"ntp":{"time-servers":["a b"]}}`, `{"ntp":{"options":["a\nb"]}}`,
		`{"network":{"hostname":""}}`, `{"network":{"hostname":"-a"}}`, `{"network":{"hostname":"A"}}`, `{"network":{"hostname":"a..b"}}`,
		`{"network":{"hosts":[["192.0.2.1"]]}}`, `{"network":{"hosts":[["a",["b"]]]}}`, `{"network":{"https-proxy":"a b"}}`,
		`{"network":{"interfaces":{"a b":{}}}}`, `{"network":{"interfaces":{"sixteen-letters-":{}}}}`, `{"network":{"interfaces":{"a":{"dhcp4":1}}}}`,
		`{"network":{"interfaces":{"a":{"static4":{"addresses":["192.0.2.1"]}}}}}`, `{"network":{"interfaces":{"a":{"route":[{"via":"::1"}]}}}}`,
		`{"network":{"interfaces":{"a":{"id":4095}}}}`, `{"network":{"interfaces":{"a":{"kind":"bridge"}}}}`,
		`{"dns":{"name-servers":["dns"]}}`, `{"kernel":{"lockdown":"full"}}`, `{"kernel":{"sysctl":{"a":1}}}`, `{"kernel":{"sysctl":{"/a":"1"}}}`,
		`{"kernel":{"modules":{"a.b":{}}}}`, `{"boot":{"kernel-parameters":{}}}`, `{"boot":{"reboot-to-reconcile":false}}`,
		`{"updates":{"seed":2048}}`, `{"updates":{"seed":0.5}}`, `{"updates":{"version-lock":"1.0"}}`, `{"updates":{"window":"Someday 1-2"}}`,
		`{"updates":{"metadata-base-url":"ftp://a"}}`, `{"health":{"deadline":"5"}}`, `{"health":{"deadline":""}}`,
		`{"host-containers":{"a b":{}}}`, `{"host-containers":{"a":{"source":"A b"}}}`, `{"host-containers":{"a":{"user-data":"a"}}}`,
		`{"bootstrap-containers":{"a":{"mode":"twice"}}}`, `{"bootstrap-commands":{"a":{"commands":[["rm"]]}}}`, `{"bootstrap-commands":{"a":{"commands":[[]]}}}`,
		`{"container-registry":{"mirrors":[{"registry":"a"}]}}`, `{"container-registry":{"mirrors":{"a b":["c"]}}}`, `{"container-registry":{"mirrors":{"a":["b c"]}}}`,
		`{"container-runtime":{"max-concurrent-downloads":0}}`, `{"container-runtime":{"snapshotter":"soci"}}`,
		`{"pki":{"a":{"data":"-----BEGIN"}}}`, `{"api":{"virtio-serial":"true"}}`, `{"metrics":{"service-checks":[""]}}`,
	},
}

func TestJSONSchemaJudgesAlike(t *testing.T) {
	schema := compileSchema(t)
	for valid, docs := range documents {
		for _, doc := range docs {
			_, ours := Base().FlattenJSON([]byte(doc))
			theirs := judge(schema, []byte(doc))
			if (ours == nil) != valid || (theirs == nil) != valid {
				t.Errorf("%s: want valid=%v, Flatten says %v, the JSON Schema %v", doc, valid, ours, theirs)
			}
		}
	}
}

// What only a Rule's Check can tell is all that the JSON Schema lets through.
func TestJSONSchemaIsWeaker(t *testing.T) {
	schema := compileSchema(t)
	for _, doc := range []string{
		`{"dns":{"name-servers":["999.0.0.1"]}}`, `{"health":{"deadline":"25h"}}`, `{"pki":{"a":{"data":"AAAA"}}}`,
		`{"kernel":{"sysctl":{"a..b":"1"}}}`, `{"updates":{"window":"02:00-02:00"}}`, `{"updates":{"metadata-base-url":"http://a/#b"}}`,
	} {
		if _, err := Base().FlattenJSON([]byte(doc)); err == nil {
			t.Errorf("%s: Flatten takes it", doc)
		}
		if err := judge(schema, []byte(doc)); err != nil {
			t.Errorf("%s: the JSON Schema can tell after all: %v", doc, err)
		}
	}
}

func TestOpenAPI(t *testing.T) {
	doc := Base().OpenAPI(APIDocument{
		Title: "Slipway", Version: "1",
		Paths:   map[string]any{"/settings": map[string]any{"get": map[string]any{}}},
		Schemas: map[string]any{"Problem": map[string]any{"type": "object"}},
	})
	var got struct {
		OpenAPI    string
		Info       map[string]string
		Paths      map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(doc, &got); err != nil {
		t.Fatal(err)
	}
	names := slices.Sorted(maps.Keys(got.Components.Schemas))
	if got.OpenAPI != "3.1.0" || got.Info["title"] != "Slipway" || got.Paths["/settings"] == nil || !slices.Equal(names, []string{"Problem", "Settings"}) {
		t.Errorf("got openapi %q, info %v, paths %v, schemas %v", got.OpenAPI, got.Info, got.Paths, names)
	}
	schema := compileDocument(t, doc, "#/components/schemas/Settings")
	for valid, docs := range documents {
		for _, doc := range docs {
			if err := judge(schema, []byte(doc)); (err == nil) != valid {
				t.Errorf("%s: want valid=%v, the component says %v", doc, valid, err)
			}
		}
	}
	if !bytes.Equal(doc, Base().OpenAPI(APIDocument{Title: "Slipway", Version: "1", Paths: got.Paths, Schemas: map[string]any{"Problem": map[string]any{"type": "object"}}})) {
		t.Error("the same settings give another document")
	}
}

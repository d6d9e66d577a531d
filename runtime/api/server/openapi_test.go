package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/slipway-os/slipway/runtime/api"
)

// document is what the tests read of an OpenAPI document.
type openAPIDocument struct {
	OpenAPI    string
	Paths      map[string]map[string]operation
	Components struct{ Schemas map[string]any }
}

type operation struct {
	OperationID string
	Summary     string
	Parameters  []struct{ Name, Description string }
	Responses   map[string]struct {
		Content map[string]struct{ Schema any }
	}
}

func served(t *testing.T, c caller) (openAPIDocument, any) {
	t.Helper()
	body := c.do("GET", api.PathOpenAPI, "").Body.Bytes()
	var doc openAPIDocument
	if err := json.Unmarshal(body, &doc); err != nil {
		t.Fatal(err)
	}
	raw, err := jsonschema.UnmarshalJSON(strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	return doc, raw
}

// Every route is in the document, and the router knows all that is in it.
func TestOpenAPIHasEveryRoute(t *testing.T) {
	c, s := newCaller(t)
	doc, _ := served(t, c)
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("OpenAPI %q", doc.OpenAPI)
	}
	routed := map[string]bool{}
	for path, methods := range c.h.(router).routes {
		for method := range methods {
			routed[method+" "+path] = true
			op, ok := doc.Paths[path][strings.ToLower(method)]
			if !ok {
				t.Errorf("%s %s is served, but not in the document", method, path)
			}
			if op.Summary == "" || len(op.Responses) < 2 {
				t.Errorf("%s %s: %+v", method, path, op)
			}
		}
	}
	ids := map[string]bool{}
	for path, methods := range doc.Paths {
		for method, op := range methods {
			if !routed[strings.ToUpper(method)+" "+path] {
				t.Errorf("%s %s is in the document, but not served", method, path)
			}
			if ids[op.OperationID] {
				t.Errorf("operation %s is there twice", op.OperationID)
			}
			ids[op.OperationID] = true
		}
	}
	if len(routed) != len(s.routes()) {
		t.Errorf("%d routes are served, %d are listed: one path and method is there twice", len(routed), len(s.routes()))
	}
}

// The parameters in the document are those that are taken: each one, and no
// other.
func TestOpenAPIParameters(t *testing.T) {
	c, _ := newCaller(t)
	doc, _ := served(t, c)
	for path, methods := range doc.Paths {
		for method, op := range methods {
			rt := c.h.(router).routes[path][strings.ToUpper(method)]
			for _, p := range op.Parameters {
				if err := rt.checkQuery(p.Name + "=x"); err != nil && strings.Contains(err.Error(), "no such parameter") {
					t.Errorf("%s %s: %v", method, path, err)
				}
				if p.Description == "" {
					t.Errorf("%s %s: parameter %s has no description", method, path, p.Name)
				}
			}
			if rt.checkQuery("nosuch=x") == nil {
				t.Errorf("%s %s takes any parameter", method, path)
			}
		}
	}
}

// What is answered is as the document says.
func TestAnswersAreAsTheDocumentSays(t *testing.T) {
	c, _ := newCaller(t)
	c.want("PATCH", "/settings", `{"motd": "hi"}`, 204, "")
	doc, raw := served(t, c)
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("http://x/openapi.json", raw); err != nil {
		t.Fatal(err)
	}
	query := map[string]string{api.PathAffectedServices: "?keys=ntp", api.PathTemplates: "?keys=ntp"}
	for path := range doc.Paths {
		op, ok := doc.Paths[path]["get"]
		if !ok {
			continue
		}
		w := c.do("GET", path+query[path], "")
		answer, ok := op.Responses[fmt.Sprint(w.Code)]
		if !ok {
			t.Errorf("GET %s: status %d is not in the document", path, w.Code)
			continue
		}
		if _, ok := answer.Content["application/json"]; !ok {
			continue
		}
		validate(t, compiler, fmt.Sprintf("http://x/openapi.json#/paths/%s/get/responses/%d/content/application~1json/schema",
			strings.ReplaceAll(path, "/", "~1"), w.Code), path, w.Body.String())
	}
	for _, target := range []string{"/nosuch", "/tx?tx=.", "/settings?prefix="} {
		w := c.do("GET", target, "")
		if w.Code < http.StatusBadRequest {
			t.Errorf("GET %s: status %d", target, w.Code)
		}
		validate(t, compiler, "http://x/openapi.json#/components/schemas/Problem", target, w.Body.String())
	}
	w := c.do("PATCH", "/settings", `{"motd": 1, "ntp": 1}`)
	validate(t, compiler, "http://x/openapi.json#/components/schemas/Problem", "PATCH /settings", w.Body.String())
}

func validate(t *testing.T, c *jsonschema.Compiler, schema, what, body string) {
	t.Helper()
	compiled, err := c.Compile(schema)
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	v, err := jsonschema.UnmarshalJSON(strings.NewReader(body))
	if err != nil {
		t.Errorf("%s: %v", what, err)
		return
	}
	if err := compiled.Validate(v); err != nil {
		t.Errorf("%s: %v\n%s", what, err, body)
	}
}

// Components of different types must not share a name.
func TestComponentNames(t *testing.T) {
	_, s := newCaller(t)
	names := map[string]string{}
	for _, r := range s.routes() {
		for _, content := range append(r.Answers, Content{Value: api.Problem{}}) {
			if content.Value == nil {
				continue
			}
			c := &components{schemas: map[string]any{}}
			c.of(content.Value)
			for name, schema := range c.schemas {
				text, err := json.Marshal(schema)
				if err != nil {
					t.Fatal(err)
				}
				if had, ok := names[name]; ok && had != string(text) {
					t.Errorf("two types are called %s", name)
				}
				names[name] = string(text)
			}
		}
	}
}

package server

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/settings"
)

// settingsDoc is, as a Content's Value, a document of settings.
type settingsDoc struct{}

// getOpenAPI answers with the description of exactly the routes that are
// served.
func (s *Server) getOpenAPI(routes []Route) Handler {
	return func(w http.ResponseWriter, _ *http.Request) error {
		release, err := s.Host.Release()
		if err != nil {
			s.Log.Warn("GET /openapi.json is incomplete", "error", err)
		}
		doc := openAPI(s.schema(), routes, release.VersionID)
		return writeDocument(w, http.StatusOK, "application/json", json.RawMessage(doc))
	}
}

// openAPI describes routes, see the OpenAPI specification 3.1.
func openAPI(schema *settings.Schema, routes []Route, version string) []byte {
	c := &components{schemas: map[string]any{}}
	paths := map[string]any{}
	for _, r := range routes {
		item, ok := paths[r.Path].(map[string]any)
		if !ok {
			item = map[string]any{}
			paths[r.Path] = item
		}
		item[strings.ToLower(r.Method)] = r.operation(c)
	}
	return schema.OpenAPI(settings.APIDocument{
		Title: "Slipway host API", Version: version,
		Description: "Served on the unix socket " + api.Socket + ". Values of settings that hold secrets are " +
			api.Redacted + " for all but root on that socket.",
		Paths: paths, Schemas: c.schemas,
	})
}

// operation is the Operation Object of a route.
func (rt Route) operation(c *components) map[string]any {
	o := map[string]any{
		"operationId": operationID(rt), "summary": rt.Summary, "responses": rt.responses(c),
	}
	if len(rt.Params) > 0 {
		var params []any
		for _, p := range rt.Params {
			params = append(params, p.object())
		}
		o["parameters"] = params
	}
	if rt.Body != nil {
		o["requestBody"] = map[string]any{"required": true, "description": rt.Body.Doc, "content": rt.Body.object(c)}
	}
	return o
}

// operationID is "post_tx_commit_and_apply".
func operationID(rt Route) string {
	path := strings.NewReplacer("/", "_", "-", "_", ".", "_").Replace(strings.TrimSuffix(rt.Path, "/"))
	if path == "" {
		path = "_model"
	}
	return strings.ToLower(rt.Method) + path
}

func (rt Route) responses(c *components) map[string]any {
	problem := Content{Type: api.ContentTypeProblem, Value: api.Problem{}}
	responses := map[string]any{
		"default": map[string]any{"description": "what went wrong", "content": problem.object(c)},
	}
	for _, a := range rt.Answers {
		r := map[string]any{"description": a.Doc}
		if content := a.object(c); content != nil {
			r["content"] = content
		}
		responses[fmt.Sprint(a.Status)] = r
	}
	return responses
}

// object is the Parameter Object.
func (p Param) object() map[string]any {
	schema := map[string]any{"type": p.Type}
	o := map[string]any{"name": p.Name, "in": "query", "description": p.Doc, "required": p.Required, "schema": schema}
	if p.List {
		o["schema"] = map[string]any{"type": "array", "items": schema}
		o["style"], o["explode"] = "form", false
	}
	return o
}

// object is the content by its media type, nil if there is none.
func (a Content) object(c *components) map[string]any {
	kind := a.Type
	if kind == "" {
		kind = "application/json"
	}
	switch {
	case a.Value != nil:
		return map[string]any{kind: map[string]any{"schema": c.of(a.Value)}}
	case a.Type != "":
		return map[string]any{kind: map[string]any{}}
	}
	return nil
}

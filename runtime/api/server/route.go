package server

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
)

// A Handler answers or returns an error: an *api.Problem goes out as it is, any
// other becomes status 500. After the answer has begun, an error cuts it off.
type Handler func(w http.ResponseWriter, r *http.Request) error

// A Route is one thing that the API does. The router and the OpenAPI document
// are both made of the routes, so that neither knows more than the other.
type Route struct {
	Method, Path string
	Summary      string // one sentence
	Params       []Param
	Body         *Content // what the request carries; nil: nothing
	Answers      []Content
	Handle       Handler
}

// A Param is a parameter of the query; each may be given once.
type Param struct {
	Name, Doc string
	Type      string // of JSON Schema: string, boolean, integer
	Required  bool
	List      bool // several values, with commas between them
}

// Content is a body: an answer, or what a request carries.
type Content struct {
	Status int    // of an answer
	Doc    string // what it is, in a few words
	Type   string // media type; "" means JSON, or no body if Value is nil
	Value  any    // its Go type says what is in it; a json.RawMessage is its schema
}

// Parameters that several routes have.
var (
	paramTx     = Param{Name: "tx", Type: "string", Doc: "name of the transaction, " + api.DefaultTx + " if it is missing"}
	paramDryRun = Param{Name: "dry-run", Type: "boolean", Doc: "true: check it and answer with the difference, change nothing"}
	paramSource = Param{Name: "source", Type: "string", Doc: "where the settings are from, for root alone: api (the default), user-data, generator"}
	paramNames  = Param{Name: "names", Type: "string", List: true, Doc: "only these"}
)

func paramKeys(doc string) Param {
	return Param{Name: "keys", Type: "string", List: true, Doc: doc}
}

func paramPrefix(of string) Param {
	return Param{Name: "prefix", Type: "string", Doc: "only what begins with it; " + of}
}

// checkQuery refuses what the route does not know, before any handler runs.
func (rt Route) checkQuery(raw string) error {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return problem(http.StatusBadRequest, "", "the query does not parse: %v", err)
	}
	for name, given := range values {
		known := slices.ContainsFunc(rt.Params, func(p Param) bool { return p.Name == name })
		switch {
		case !known:
			return problem(http.StatusBadRequest, name, "no such parameter%s", rt.paramNames())
		case len(given) > 1:
			return problem(http.StatusBadRequest, name, "is given %d times", len(given))
		}
	}
	for _, p := range rt.Params {
		if p.Required && !values.Has(p.Name) {
			return problem(http.StatusBadRequest, p.Name, "this parameter is required: %s", p.Doc)
		}
	}
	return nil
}

func (rt Route) paramNames() string {
	var names []string
	for _, p := range rt.Params {
		names = append(names, p.Name)
	}
	if len(names) == 0 {
		return "; there are none"
	}
	return "; there are " + strings.Join(names, ", ")
}

// flagParam reads a boolean parameter, false if it is missing.
func flagParam(r *http.Request, name string) (bool, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return false, nil
	}
	v, err := strconv.ParseBool(text)
	if err != nil {
		return false, problem(http.StatusBadRequest, name, "%q is neither true nor false", text)
	}
	return v, nil
}

// listParam reads a parameter with commas between its values, but for commas in
// double quotes. It is nil if the parameter is missing; an empty one is refused.
func listParam(r *http.Request, name string) ([]string, error) {
	q := r.URL.Query()
	if !q.Has(name) {
		return nil, nil
	}
	var items []string
	var item strings.Builder
	quoted, escaped := false, false
	for _, c := range q.Get(name) {
		switch {
		case escaped:
			escaped = false
		case quoted && c == '\\':
			escaped = true
		case c == '"':
			quoted = !quoted
		case c == ',' && !quoted:
			items = append(items, item.String())
			item.Reset()
			continue
		}
		item.WriteRune(c)
	}
	items = append(items, item.String())
	if slices.Contains(items, "") {
		return nil, problem(http.StatusBadRequest, name, "a value is empty")
	}
	return items, nil
}

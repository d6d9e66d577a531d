package server

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/slipway-os/slipway/runtime/settings"
)

// parsePairs reads settings that are written KEY=VALUE. The schema says what a
// value is: text is taken as it is, or without the quotes if it is a JSON
// string; all else is JSON. The error joins a *settings.Problem for each
// mistake.
func parsePairs(schema *settings.Schema, pairs []string) (settings.Values, error) {
	values := settings.Values{}
	var errs []error
	for _, pair := range pairs {
		v, err := parsePair(schema, pair)
		for key, value := range v {
			if _, twice := values[key]; twice {
				err = errors.Join(err, &settings.Problem{Key: key, Message: "is given twice"})
			}
			values[key] = value
		}
		errs = append(errs, err)
	}
	return values, errors.Join(errs...)
}

func parsePair(schema *settings.Schema, pair string) (settings.Values, error) {
	name, text, ok := cutPair(pair)
	if !ok {
		return nil, &settings.Problem{Message: "want KEY=VALUE", Found: shorten(pair)}
	}
	k, err := settings.ParseKey(name)
	if err != nil {
		return nil, &settings.Problem{Message: err.Error()}
	}
	doc, err := json.Marshal(nested(k, valueOf(schema, k, text)))
	if err != nil {
		return nil, &settings.Problem{Key: k.String(), Message: "is not JSON", Found: shorten(text)}
	}
	return schema.FlattenJSON(doc)
}

// cutPair splits at the first "=" that is not in quotes.
func cutPair(pair string) (name, value string, ok bool) {
	quoted := false
	for i := 0; i < len(pair); i++ {
		switch {
		case quoted && pair[i] == '\\':
			i++
		case pair[i] == '"':
			quoted = !quoted
		case pair[i] == '=' && !quoted:
			return pair[:i], pair[i+1:], true
		}
	}
	return "", "", false
}

// valueOf makes JSON of a value as people write it.
func valueOf(schema *settings.Schema, k settings.Key, text string) json.RawMessage {
	n, _ := schema.Find(k)
	isJSON := json.Valid([]byte(text))
	switch {
	case n.Kind == settings.KindString && isJSON && strings.HasPrefix(text, `"`):
		return json.RawMessage(text)
	case n.Kind == settings.KindString, !isJSON:
		b, err := json.Marshal(text)
		if err != nil {
			return nil
		}
		return b
	}
	return json.RawMessage(text)
}

// nested is the document in which k has the value.
func nested(k settings.Key, value json.RawMessage) any {
	var doc any = value
	for i := len(k) - 1; i >= 0; i-- {
		doc = map[string]any{k[i]: doc}
	}
	return doc
}

// shorten keeps an answer from repeating a long request.
func shorten(s string) string {
	const most = 64
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

package metadataboot

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/apiclient"
	"github.com/slipway-os/slipway/runtime/settings"
)

// transaction is the name under which the settings are handed over.
const transaction = "user-data-metadata"

// commit hands the values to the API, those of the generator and the user's in
// one transaction. The parameter source, which the API takes from root alone,
// says where they come from.
func (b boot) commit(ctx context.Context, generated, values settings.Values) error {
	if len(generated)+len(values) == 0 {
		return nil
	}
	c := apiclient.New(b.socket)
	generated, err := b.unlessSet(ctx, c, generated)
	if err != nil {
		return err
	}
	if len(generated)+len(values) == 0 {
		return nil
	}
	// What an earlier run left there would go in with it.
	if _, err := ask(ctx, c, http.MethodDelete, api.PathTx+query(""), nil); err != nil {
		return err
	}
	for _, part := range []struct {
		source string
		values settings.Values
	}{{"generator", generated}, {"user-data", values}} {
		if len(part.values) == 0 {
			continue
		}
		doc, err := json.Marshal(b.schema.Nest(part.values))
		if err != nil {
			return fmt.Errorf("encoding the settings: %w", err)
		}
		if _, err := ask(ctx, c, http.MethodPatch, api.PathSettings+query(part.source), doc); err != nil {
			return err
		}
	}
	_, err = ask(ctx, c, http.MethodPost, api.PathTxCommitAndApply+query("user-data"), nil)
	return err
}

// unlessSet leaves out what somebody has set, or a generator has set already.
func (b boot) unlessSet(ctx context.Context, c *apiclient.Client, generated settings.Values) (settings.Values, error) {
	out := settings.Values{}
	if len(generated) == 0 {
		return out, nil
	}
	keys := strings.Join(slices.Sorted(maps.Keys(generated)), ",")
	doc, err := ask(ctx, c, http.MethodGet, api.PathSettings+"?keys="+url.QueryEscape(keys), nil)
	if err != nil {
		return nil, err
	}
	live, err := b.schema.FlattenJSON(doc)
	if err != nil {
		return nil, fmt.Errorf("reading the settings: %w", err)
	}
	doc, err = ask(ctx, c, http.MethodGet, api.PathSettingGenerators, nil)
	if err != nil {
		return nil, err
	}
	var made map[string]json.RawMessage
	if err := json.Unmarshal(doc, &made); err != nil {
		return nil, fmt.Errorf("reading what generators have set: %w", err)
	}
	for key, value := range generated {
		_, free := made["settings."+key]
		if was, set := live[key]; !set || free && string(was) != string(value) {
			out[key] = value
		}
	}
	return out, nil
}

// query names the transaction and, unless it is "", the source.
func query(source string) string {
	if source == "" {
		return "?tx=" + transaction
	}
	return "?tx=" + transaction + "&source=" + source
}

// ask sends one request and returns the answer's body.
func ask(ctx context.Context, c *apiclient.Client, method, path string, body []byte) ([]byte, error) {
	status, _, answer, err := c.Do(ctx, method, path, body)
	if err != nil {
		return nil, fmt.Errorf("handing over the settings: %w", err)
	}
	if status >= http.StatusBadRequest {
		path, _, _ = strings.Cut(path, "?")
		return nil, fmt.Errorf("handing over the settings: %s %s: %w", method, path, refusal(status, answer))
	}
	return answer, nil
}

// refusal reads the problem document of an answer.
func refusal(status int, answer []byte) error {
	p := &api.Problem{}
	if err := json.Unmarshal(answer, p); err != nil || p.Title == "" {
		return fmt.Errorf("HTTP status %d", status)
	}
	return p
}

// oneLine joins texts that may have several lines.
func oneLine(texts []string) string {
	return strings.ReplaceAll(strings.Join(texts, "; "), "\n", "; ")
}

package metadataboot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
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
	// What an earlier run left there would go in with it.
	if err := ask(ctx, c, http.MethodDelete, api.PathTx, "", nil); err != nil {
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
		if err := ask(ctx, c, http.MethodPatch, api.PathSettings, part.source, doc); err != nil {
			return err
		}
	}
	return ask(ctx, c, http.MethodPost, api.PathTxCommitAndApply, "user-data", nil)
}

// ask sends one request about the transaction.
func ask(ctx context.Context, c *apiclient.Client, method, path, source string, body []byte) error {
	query := "?tx=" + transaction
	if source != "" {
		query += "&source=" + source
	}
	status, _, answer, err := c.Do(ctx, method, path+query, body)
	if err != nil {
		return fmt.Errorf("handing over the settings: %w", err)
	}
	if status >= http.StatusBadRequest {
		return fmt.Errorf("handing over the settings: %s %s: %w", method, path, refusal(status, answer))
	}
	return nil
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

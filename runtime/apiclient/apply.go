package apiclient

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/pelletier/go-toml/v2"
	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/runtime/api"
)

// Bounds of what is applied.
const (
	maxSource    = 1 << 20 // bytes of one source
	fetchTimeout = 30 * time.Second
)

func (t *tool) applyCommand() *cobra.Command {
	var ch change
	c := &cobra.Command{
		Use:   "apply [SOURCE...]",
		Short: "Apply settings from files, URLs or standard input",
		Long: `Applies settings, all or none. Each SOURCE is a file, a URL of http, https or
file, base64:DATA, or - for standard input, which is read if there is none. It
is TOML as in user data, or the same in JSON.`,
		Example: `  apiclient apply < settings.toml
  apiclient apply --dry-run site.toml rack.toml
  apiclient apply --try 60s https://config.example/settings.toml`,
		RunE: func(c *cobra.Command, sources []string) error {
			if len(sources) == 0 {
				sources = []string{"-"}
			}
			ch.quiet = slices.Contains(sources, "-")
			return t.apply(c.Context(), &ch, sources)
		},
	}
	ch.flags(c)
	return c
}

func (t *tool) apply(ctx context.Context, ch *change, sources []string) error {
	var docs [][]byte
	for _, s := range sources {
		data, err := t.read(ctx, s)
		if err != nil {
			return fmt.Errorf("reading %s: %w", s, err)
		}
		doc, err := settingsIn(data)
		if err != nil {
			return fmt.Errorf("reading %s: %w", s, err)
		}
		docs = append(docs, doc)
	}
	return t.make(ctx, ch, func(tx string) error {
		for i, doc := range docs {
			if err := t.client().ask(ctx, http.MethodPatch, withTx(api.PathSettings, tx), doc, nil); err != nil {
				return fmt.Errorf("%s: %w", sources[i], err)
			}
		}
		return nil
	})
}

// read gets a source.
func (t *tool) read(ctx context.Context, source string) ([]byte, error) {
	scheme, rest, _ := strings.Cut(source, ":")
	switch {
	case source == "-":
		return bounded(t.in)
	case scheme == "base64":
		return base64.StdEncoding.DecodeString(rest)
	case scheme == "http" || scheme == "https":
		return fetch(ctx, source)
	case strings.HasPrefix(source, "file://"):
		source = strings.TrimPrefix(source, "file://")
	case strings.Contains(source, "://"):
		return nil, fmt.Errorf("%q is not supported: want http, https, file or base64", scheme)
	}
	f, err := os.Open(source)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return bounded(f)
}

func fetch(ctx context.Context, url string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("HTTP status %s", res.Status)
	}
	return bounded(res.Body)
}

func bounded(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, maxSource+1))
	if err == nil && len(b) > maxSource {
		err = fmt.Errorf("has more than %d bytes", maxSource)
	}
	return b, err
}

// settingsIn returns what is below "settings" in a TOML or JSON document, as
// JSON. What JSON says is passed on as it is, so that the host judges it.
func settingsIn(data []byte) ([]byte, error) {
	if first := bytes.TrimLeft(data, " \t\r\n"); len(first) > 0 && first[0] == '{' {
		var doc map[string]json.RawMessage
		if err := json.Unmarshal(data, &doc); err != nil {
			return nil, fmt.Errorf("reading JSON: %w", err)
		}
		return onlySettings(doc)
	}
	var doc map[string]any
	if err := toml.Unmarshal(data, &doc); err != nil {
		return nil, locate(err)
	}
	inner, err := onlySettings(doc)
	if err != nil {
		return nil, err
	}
	return json.Marshal(inner)
}

// onlySettings refuses what is beside the settings: it would not be applied.
func onlySettings[T any](doc map[string]T) (T, error) {
	inner, ok := doc["settings"]
	if !ok {
		return inner, errors.New(`there is no "settings" in it`)
	}
	for _, name := range slices.Sorted(maps.Keys(doc)) {
		if name != "settings" {
			return inner, fmt.Errorf("%q is not below settings", name)
		}
	}
	return inner, nil
}

// locate adds the line to what the TOML decoder says.
func locate(err error) error {
	var bad *toml.DecodeError
	if !errors.As(err, &bad) {
		return fmt.Errorf("reading TOML: %w", err)
	}
	line, _ := bad.Position()
	return fmt.Errorf("reading TOML: line %d: %s", line, strings.TrimPrefix(bad.Error(), "toml: "))
}

package apiclient

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/multicall"
)

func (t *tool) getCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "get PREFIX...",
		Short: "Show settings, os, services, configuration files, health",
		Long: `Shows all that begins with a prefix: settings, services, configuration-files, os,
or something below one of them. "settings." may be left out. "get health" is
"health".`,
		Example: `  apiclient get os
  apiclient get settings
  apiclient get settings.motd settings.kernel.lockdown
  apiclient get ntp --json`,
		Args: arguments(cobra.MinimumNArgs(1)), ValidArgsFunction: completePrefix,
		RunE: func(c *cobra.Command, args []string) error { return t.get(c.Context(), args) },
	}
}

func (t *tool) get(ctx context.Context, prefixes []string) error {
	if len(prefixes) == 1 {
		switch prefixes[0] {
		case "os":
			os, err := t.client().OS(ctx)
			if err != nil {
				return err
			}
			return t.show(os, func(w io.Writer) error { return tableOS(w, os) })
		case "health":
			return t.health(ctx)
		}
	}
	all := map[string]any{}
	for _, p := range prefixes {
		part, err := t.client().model(ctx, fullPrefix(p))
		if err != nil {
			return err
		}
		if len(part) == 0 && !t.asJSON {
			return &nothingError{p}
		}
		merge(all, part)
	}
	return t.show(all, func(w io.Writer) error { return tableValues(w, all) })
}

// A nothingError says that nothing begins with a prefix.
type nothingError struct{ prefix string }

func (e *nothingError) Error() string { return "nothing begins with " + e.prefix }

// parts are the parts of the model.
var parts = []string{"settings", "services", "configuration-files", "os"}

// fullPrefix puts "settings." before what does not say which part it means.
func fullPrefix(p string) string {
	first, _, _ := strings.Cut(p, ".")
	if slices.Contains(parts, first) {
		return p
	}
	return "settings." + p
}

// model asks for GET / with a prefix. Empty parts are left out.
func (c *Client) model(ctx context.Context, prefix string) (map[string]any, error) {
	var m map[string]any
	_, err := c.getJSON(ctx, api.PathModel+"?"+url.Values{"prefix": {prefix}}.Encode(), &m)
	for name, part := range m {
		if inner, ok := part.(map[string]any); ok && len(inner) == 0 {
			delete(m, name)
		}
	}
	return m, err
}

// merge puts b into a, level by level.
func merge(a, b map[string]any) {
	for name, v := range b {
		inner, isMap := v.(map[string]any)
		had, wasMap := a[name].(map[string]any)
		if isMap && wasMap {
			merge(had, inner)
			continue
		}
		a[name] = v
	}
}

func (t *tool) healthCommand() *cobra.Command {
	return &cobra.Command{
		Use: "health", Short: "Show whether the host is well; the exit code is 1 if it is not",
		Example: "  apiclient health && echo well", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return t.health(c.Context()) },
	}
}

func (t *tool) health(ctx context.Context) error {
	h, err := t.client().Health(ctx)
	if err != nil {
		return err
	}
	if err := t.show(h, func(w io.Writer) error { return tableHealth(w, h) }); err != nil {
		return err
	}
	if h.Status != api.Good {
		return multicall.ErrSilent
	}
	return nil
}

func (t *tool) servicesCommand() *cobra.Command {
	return &cobra.Command{
		Use: "services [NAME...]", Short: "Show the units that depend on settings",
		Example: "  apiclient services\n  apiclient services chronyd.service", Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, names []string) error {
			path := api.PathServices
			if len(names) > 0 {
				path += "?" + url.Values{"names": {strings.Join(names, ",")}}.Encode()
			}
			var services map[string]api.Service
			if _, err := t.client().getJSON(c.Context(), path, &services); err != nil {
				return err
			}
			return t.show(services, func(w io.Writer) error { return tableServices(w, services) })
		},
	}
}

func (t *tool) rebootCommand() *cobra.Command {
	return &cobra.Command{
		Use: "reboot", Short: "Restart the host", Example: "  apiclient reboot", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return t.client().ask(c.Context(), http.MethodPost, api.PathReboot, nil, nil)
		},
	}
}

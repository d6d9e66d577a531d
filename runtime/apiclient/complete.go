package apiclient

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/runtime/host"
	"github.com/slipway-os/slipway/runtime/settings"
)

// schema is that of this host's settings; elsewhere it is that of base.
func schema() *settings.Schema {
	release, err := host.Host{Root: "/"}.Release()
	if err != nil {
		return settings.Base()
	}
	return settings.ForVariant(release.VariantID)
}

// completeKey completes the key of a setting, level by level.
func completeKey(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	return schema().Complete(typed), cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// completePair completes the key of KEY=VALUE.
func completePair(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
	const rest = cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	if strings.Contains(typed, "=") {
		return nil, rest
	}
	keys := schema().Complete(typed)
	for i, k := range keys {
		if !strings.HasSuffix(k, ".") {
			keys[i] = k + "="
		}
	}
	return keys, rest
}

// completePrefix completes what get shows.
func completePrefix(c *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	all, rest := completeKey(c, args, typed)
	for _, p := range append([]string{"health"}, parts...) {
		if strings.HasPrefix(p, typed) {
			all = append(all, p)
		}
	}
	return all, rest
}

package apiclient

import (
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/runtime/api"
)

const txHelp = `Works with transactions: changes that are gathered under a name (TX, "default" if
it is missing) and come into force as a whole. PATCH /settings?tx=TX fills one.`

func (t *tool) txCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "tx", Short: "Work with transactions", Long: txHelp,
		Example: `  apiclient raw -m PATCH -u '/settings?tx=mine' -d '{"motd": "hi"}'
  apiclient tx diff mine
  apiclient tx commit mine --apply`,
	}
	parent(c)
	c.AddCommand(t.txListCommand(), t.txShowCommand(), t.diffCommand("diff"), t.txCommitCommand(), t.txDropCommand())
	return c
}

// txOf is the transaction that the arguments name.
func txOf(args []string) string {
	if len(args) == 0 {
		return api.DefaultTx
	}
	return args[0]
}

func (t *tool) txListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List transactions that hold something", Example: "  apiclient tx list", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			var names []string
			if _, err := t.client().getJSON(c.Context(), api.PathTxList, &names); err != nil {
				return err
			}
			return t.show(names, func(w io.Writer) error { return lines(w, names) })
		},
	}
}

func (t *tool) txShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show [TX]", Short: "Show what a transaction would set", Example: "  apiclient tx show mine",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			var values map[string]any
			if _, err := t.client().getJSON(c.Context(), withTx(api.PathTx, txOf(args)), &values); err != nil {
				return err
			}
			return t.show(values, func(w io.Writer) error { return tableValues(w, map[string]any{"settings": values}) })
		},
	}
}

func (t *tool) diffCommand(name string) *cobra.Command {
	return &cobra.Command{
		Use: name + " [TX]", Short: "Show what a transaction would change", Example: "  apiclient diff\n  apiclient tx diff mine",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			var d api.Diff
			if _, err := t.client().getJSON(c.Context(), withTx(api.PathTxDiff, txOf(args)), &d); err != nil {
				return err
			}
			return t.show(d, func(w io.Writer) error { return tableDiff(w, d) })
		},
	}
}

func (t *tool) txCommitCommand() *cobra.Command {
	var apply bool
	c := &cobra.Command{
		Use: "commit [TX]", Short: "Put a transaction in force", Example: "  apiclient tx commit mine --apply",
		Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			path := api.PathTxCommit
			if apply {
				path = api.PathTxCommitAndApply
			}
			return t.changed(c, http.MethodPost, withTx(path, txOf(args)))
		},
	}
	c.Flags().BoolVar(&apply, "apply", false, "write files and restart units, too; without it they follow at the next boot")
	return c
}

func (t *tool) txDropCommand() *cobra.Command {
	return &cobra.Command{
		Use: "drop [TX]", Short: "Forget a transaction", Example: "  apiclient tx drop mine", Args: arguments(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			return t.changed(c, http.MethodDelete, withTx(api.PathTx, txOf(args)))
		},
	}
}

// changed sends a request whose answer is a list of keys, and prints them.
func (t *tool) changed(c *cobra.Command, method, path string) error {
	var keys []string
	if err := t.client().ask(c.Context(), method, path, nil, &keys); err != nil {
		return err
	}
	return t.show(keys, func(w io.Writer) error { return lines(w, keys) })
}

func lines(w io.Writer, all []string) error {
	for _, l := range all {
		if _, err := fmt.Fprintln(w, l); err != nil {
			return err
		}
	}
	return nil
}

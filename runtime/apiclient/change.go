package apiclient

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/runtime/api"
)

// A change is a transaction of one command.
type change struct {
	dryRun bool
	try    time.Duration // 0: for good
	quiet  bool          // nobody can be asked: standard input is the settings
}

// flags adds those that every command has that changes settings.
func (ch *change) flags(c *cobra.Command) {
	c.Flags().BoolVar(&ch.dryRun, "dry-run", false, "check it and show what would change, change nothing")
	c.Flags().DurationVar(&ch.try, "try", 0, "go back after so long unless it is confirmed, for example 60s")
}

// make stages something in a transaction of its own, so that nothing else that
// may be pending goes with it, and commits and applies it.
func (t *tool) make(ctx context.Context, ch *change, stage func(tx string) error) error {
	tx := "apiclient-" + strings.ToLower(rand.Text()[:12])
	err := stage(tx)
	if err == nil {
		err = t.commit(ctx, ch, tx)
	}
	if err != nil || ch.dryRun {
		// What was committed is gone already; only the error before counts.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		_ = t.client().ask(ctx, http.MethodDelete, withTx(api.PathTx, tx), nil, nil)
	}
	return err
}

func (t *tool) commit(ctx context.Context, ch *change, tx string) error {
	switch {
	case ch.dryRun:
		var d api.Diff
		if err := t.client().ask(ctx, http.MethodPost, withTx(api.PathTxCommitAndApply, tx)+"&dry-run=true", nil, &d); err != nil {
			return err
		}
		return t.show(d, func(w io.Writer) error { return tableDiff(w, d) })
	case ch.try > 0:
		return t.tryOut(ctx, ch, tx)
	}
	return t.client().ask(ctx, http.MethodPost, withTx(api.PathTxCommitAndApply, tx), nil, nil)
}

// withTx adds the transaction to a path.
func withTx(path, tx string) string { return path + "?" + url.Values{"tx": {tx}}.Encode() }

// tryOut brings a change into force for a while and asks whether it shall stay.
func (t *tool) tryOut(ctx context.Context, ch *change, tx string) error {
	var try api.Try
	path := withTx(api.PathTxTry, tx) + "&timeout=" + url.QueryEscape(ch.try.String())
	if err := t.client().ask(ctx, http.MethodPost, path, nil, &try); err != nil {
		return err
	}
	if t.asJSON || !t.interactive || ch.quiet {
		return t.show(try, func(w io.Writer) error { return tableTry(w, try) })
	}
	fmt.Fprintf(t.out, "In force for %s: %s\nKeep it? [y/N] ", ch.try, strings.Join(try.Keys, ", "))
	ctx, cancel := context.WithTimeout(ctx, time.Duration(try.Seconds*float64(time.Second)))
	defer cancel()
	keep, err := t.answer(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return errors.New("nobody has confirmed the change: it was taken back")
	case err != nil:
		return fmt.Errorf("the change is taken back in a while, apiclient confirm keeps it: %w", err)
	case keep:
		return t.client().ask(ctx, http.MethodPost, api.PathTxConfirm, nil, nil)
	}
	if err := t.client().ask(ctx, http.MethodPost, api.PathTxRevert, nil, nil); err != nil {
		return err
	}
	return errors.New("the change was taken back")
}

// answer reads a line: yes or not.
func (t *tool) answer(ctx context.Context) (bool, error) {
	type line struct {
		text string
		err  error
	}
	lines := make(chan line, 1)
	go func() {
		text, err := bufio.NewReader(t.in).ReadString('\n')
		lines <- line{text, err}
	}()
	select {
	case l := <-lines:
		if l.err != nil && l.err != io.EOF {
			return false, l.err
		}
		return strings.HasPrefix(strings.ToLower(strings.TrimSpace(l.text)), "y"), nil
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

func (t *tool) confirmCommand() *cobra.Command {
	return t.endCommand("confirm", "Keep the change that is on trial", api.PathTxConfirm)
}

func (t *tool) revertCommand() *cobra.Command {
	return t.endCommand("revert", "Take the change that is on trial back now", api.PathTxRevert)
}

func (t *tool) endCommand(name, short, path string) *cobra.Command {
	return &cobra.Command{
		Use: name, Short: short, Example: "  apiclient " + name, Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			return t.client().ask(c.Context(), http.MethodPost, path, nil, nil)
		},
	}
}

func (t *tool) setCommand() *cobra.Command {
	var ch change
	var doc string
	c := &cobra.Command{
		Use:   "set KEY=VALUE...",
		Short: "Change settings and apply them",
		Long: `Changes settings and applies them, all or none. "settings." before a key may be
left out. The setting's type says how VALUE is read: text as it is, anything
else as JSON. Quote a key in which a name has dots, and all of it for the shell.`,
		Example: `  apiclient set motd="hi there" kernel.lockdown=integrity
  apiclient set ntp.time-servers='["a.example", "b.example"]'
  apiclient set 'kernel.sysctl."vm.max_map_count"=262144'
  apiclient set --json '{"ntp": {"time-servers": ["a.example"]}}'
  apiclient set network.hostname=n1 --dry-run`,
		ValidArgsFunction: completePair,
		RunE: func(c *cobra.Command, pairs []string) error {
			if (doc == "") == (len(pairs) == 0) {
				return usage(errors.New("want KEY=VALUE or --json DOCUMENT"))
			}
			path, body := api.PathSettings, []byte(doc)
			if doc == "" {
				var err error
				if body, err = json.Marshal(api.Keypair{RequestPayload: pairs}); err != nil {
					return fmt.Errorf("encoding the settings: %w", err)
				}
				path = api.PathKeypair
			}
			return t.make(c.Context(), &ch, func(tx string) error {
				return t.client().ask(c.Context(), http.MethodPatch, withTx(path, tx), body, nil)
			})
		},
	}
	c.Flags().StringVarP(&doc, "json", "j", "", "a document of settings, instead of KEY=VALUE")
	ch.flags(c)
	return c
}

func (t *tool) deleteCommand() *cobra.Command {
	var ch change
	c := &cobra.Command{
		Use: "delete KEY...", Short: "Remove settings, so that their defaults come back, and apply it",
		Example: "  apiclient delete motd\n  apiclient delete host-containers.debug --dry-run",
		Args:    arguments(cobra.MinimumNArgs(1)), ValidArgsFunction: completeKey,
		RunE: func(c *cobra.Command, keys []string) error {
			return t.make(c.Context(), &ch, func(tx string) error {
				path := withTx(api.PathSettings, tx) + "&" + url.Values{"keys": {strings.Join(keys, ",")}}.Encode()
				return t.client().ask(c.Context(), http.MethodDelete, path, nil, nil)
			})
		},
	}
	ch.flags(c)
	return c
}

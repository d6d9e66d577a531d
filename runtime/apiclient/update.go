package apiclient

import (
	"context"
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

// How often the status is asked for while a command is under way, and how
// often in a row it may fail to come.
const (
	updatePoll  = 250 * time.Millisecond
	updateFails = 20
)

const updateHelp = `Updates the system. A new version is written into the slot that does not run,
and is tried at the next reboot; if it does not come up well, the host goes back
to this one by itself.`

func (t *tool) updateCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "update", Short: "Update the system, or go back", Long: updateHelp,
		Example: `  apiclient update check
  apiclient update apply --check --reboot
  apiclient update status
  apiclient update rollback --reboot`,
	}
	parent(c)
	c.AddCommand(t.updateCheck(), t.updateApply(), t.updateCancel(), t.updateStatus(), t.updateRollback(), t.updateForget())
	return c
}

func (t *tool) updateCheck() *cobra.Command {
	return &cobra.Command{
		Use: "check", Short: "Look for updates", Args: arguments(cobra.NoArgs), Example: "  apiclient update check --json",
		Long: "Looks at the update repository and prints what it has for this host.",
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := t.updateRun(c.Context(), api.PathRefreshUpdates, api.UpdateRefresh)
			if err != nil {
				return err
			}
			return t.show(st, func(w io.Writer) error { return tableUpdate(w, st) })
		},
	}
}

func (t *tool) updateApply() *cobra.Command {
	var check, reboot bool
	c := &cobra.Command{
		Use: "apply", Short: "Write the chosen version into the other slot and make it boot next",
		Long: `Writes the version that "update check" found into the other slot, checks it, and
makes it what boots next. Where it is there already, only what is left is done.
No update to apply is no error.`,
		Example: "  apiclient update apply --check --reboot", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return t.update(c.Context(), check, reboot) },
	}
	c.Flags().BoolVarP(&check, "check", "c", false, "look for updates first")
	c.Flags().BoolVarP(&reboot, "reboot", "r", false, "restart into the new version")
	return c
}

// update takes what steps are left.
func (t *tool) update(ctx context.Context, check, reboot bool) error {
	st, err := t.client().Updates(ctx)
	if err == nil && check {
		st, err = t.updateRun(ctx, api.PathRefreshUpdates, api.UpdateRefresh)
	}
	if err != nil {
		return err
	}
	if st.UpdateState == api.UpdateAvailable || st.UpdateState == api.UpdateStaged && superseded(st) {
		if st, err = t.updateRun(ctx, api.PathPrepareUpdate, api.UpdatePrepare); err != nil {
			return err
		}
	}
	if st.UpdateState == api.UpdateStaged {
		if st, err = t.updateRun(ctx, api.PathActivateUpdate, api.UpdateActivate); err != nil {
			return err
		}
	}
	if st.UpdateState != api.UpdateReady {
		fmt.Fprintln(t.err, "There is no update to apply.")
		return nil
	}
	return t.ready(ctx, st, reboot)
}

// superseded says whether another version than the staged one was chosen.
func superseded(st api.UpdateStatus) bool {
	return st.ChosenUpdate != nil && st.StagingPartition != nil && st.ChosenUpdate.Version != st.StagingPartition.Image.Version
}

// ready ends a command after which another version boots next.
func (t *tool) ready(ctx context.Context, st api.UpdateStatus, reboot bool) error {
	next := ""
	if p := st.StagingPartition; p != nil {
		next = "version " + printable(p.Image.Version) + ", slot " + printable(p.Slot)
	}
	if !reboot {
		fmt.Fprintf(t.err, "The next boot is of %s: run \"apiclient reboot\".\n", next)
		return nil
	}
	fmt.Fprintf(t.err, "Restarting into %s.\n", next)
	return t.client().ask(ctx, http.MethodPost, api.PathReboot, nil, nil)
}

func (t *tool) updateCancel() *cobra.Command {
	return &cobra.Command{
		Use: "cancel", Short: "Give up an update, however far it is", Args: arguments(cobra.NoArgs), Example: "  apiclient update cancel",
		RunE: func(c *cobra.Command, _ []string) error {
			return t.client().ask(c.Context(), http.MethodPost, api.PathCancelUpdate, nil, nil)
		},
	}
}

func (t *tool) updateStatus() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Show how far an update is", Args: arguments(cobra.NoArgs), Example: "  apiclient update status --json",
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := t.client().Updates(c.Context())
			if err != nil {
				return err
			}
			return t.show(st, func(w io.Writer) error { return tableUpdate(w, st) })
		},
	}
}

func (t *tool) updateRollback() *cobra.Command {
	var reboot bool
	c := &cobra.Command{
		Use: "rollback", Short: "Make the version that ran before boot next",
		Long: `Makes the other slot boot next, with the version that was good before. The
version that runs is not taken again until "update forget" says so.`,
		Example: "  apiclient update rollback --reboot", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			st, err := t.updateRun(c.Context(), api.PathRollback, api.UpdateRollback)
			if err != nil {
				return err
			}
			return t.ready(c.Context(), st, reboot)
		},
	}
	c.Flags().BoolVarP(&reboot, "reboot", "r", false, "restart into it")
	return c
}

func (t *tool) updateForget() *cobra.Command {
	var all bool
	c := &cobra.Command{
		Use: "forget VERSION | --all", Short: "Let a version that failed here be taken again", Args: arguments(cobra.MaximumNArgs(1)),
		Example: "  apiclient update forget 1.4.0\n  apiclient update forget --all",
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) == 1) {
				return usage(errors.New("want a version, or --all"))
			}
			path := api.PathForgetFailed
			if !all {
				path += "?version=" + url.QueryEscape(args[0])
			}
			return t.client().ask(c.Context(), http.MethodPost, path, nil, nil)
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all that failed")
	return c
}

// Updates asks for GET /updates/status.
func (c *Client) Updates(ctx context.Context) (api.UpdateStatus, error) {
	var st api.UpdateStatus
	_, err := c.getJSON(ctx, api.PathUpdatesStatus, &st)
	return st, err
}

// updateRun starts a command and follows it to its end.
func (t *tool) updateRun(ctx context.Context, path, command string) (api.UpdateStatus, error) {
	before, err := t.client().Updates(ctx)
	if err != nil {
		return before, err
	}
	if err := t.client().ask(ctx, http.MethodPost, path, nil, nil); err != nil {
		return before, fmt.Errorf("%s: %w", command, err)
	}
	m := t.meter()
	defer m.end()
	for failed := 0; ; {
		st, err := t.client().Updates(ctx)
		switch {
		case err != nil && failed < updateFails && ctx.Err() == nil:
			failed++ // the updater may be starting again
		case err != nil:
			return before, err
		case st.Running != nil:
			failed = 0
			m.show(st.Running)
		case ended(before, st, command):
			return st, commandError(st.MostRecentCommand)
		}
		select {
		case <-time.After(updatePoll):
		case <-ctx.Done():
			return before, fmt.Errorf("%s goes on without this command (cancel it by \"apiclient update cancel\"): %w", command, ctx.Err())
		}
	}
}

// ended says whether the command's result is there.
func ended(before, now api.UpdateStatus, command string) bool {
	a, b := before.MostRecentCommand, now.MostRecentCommand
	return b != nil && b.Type == command && (a == nil || !a.Timestamp.Equal(b.Timestamp))
}

func commandError(c *api.UpdateCommandResult) error {
	if c.Status == api.UpdateSuccess {
		return nil
	}
	why := "it does not say why"
	if c.Stderr != nil && *c.Stderr != "" {
		why = strings.TrimSpace(*c.Stderr)
	}
	return fmt.Errorf("%s failed: %s", c.Type, why)
}

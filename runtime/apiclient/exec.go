package apiclient

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/containers/exec"
	"github.com/slipway-os/slipway/runtime/multicall"
)

const execURL = "http://slipway" + api.PathExec

const execHelp = `Runs a command in a running host container.

With a terminal on both ends the command gets one, too; -t and -T say so or not.
Input, signals and changes of the terminal's size reach the command, and its
exit code becomes that of apiclient.`

func (t *tool) execCommand() *cobra.Command {
	var tty, noTTY, interactive bool
	c := &cobra.Command{
		Use: "exec CONTAINER COMMAND [ARGUMENT...]", Short: "Run a command in a host container", Long: execHelp,
		Example: "  apiclient exec admin bash\n  apiclient exec -T admin cat /etc/os-release",
		Args:    arguments(cobra.MinimumNArgs(2)),
		RunE: func(c *cobra.Command, args []string) error {
			if tty && noTTY {
				return fmt.Errorf("%w: -t and -T exclude each other", multicall.ErrUsage)
			}
			if !noTTY {
				tty = tty || t.terminal() != nil
			}
			return exited(t.exec(c.Context(), args[0], args[1:], tty))
		},
	}
	c.Flags().SetInterspersed(false) // flags after CONTAINER are the command's
	c.Flags().BoolVarP(&tty, "tty", "t", false, "give the command a terminal")
	c.Flags().BoolVarP(&noTTY, "no-tty", "T", false, "give the command no terminal")
	c.Flags().BoolVarP(&interactive, "interactive", "i", false, "pass input on, as is done anyway")
	return c
}

// terminal returns the terminal that apiclient is used from, nil if there is
// none on one of both ends.
func (t *tool) terminal() *os.File {
	in, ok := t.in.(*os.File)
	if !ok || !exec.IsTerminal(in) {
		return nil
	}
	if out, ok := t.out.(*os.File); !ok || !exec.IsTerminal(out) {
		return nil
	}
	return in
}

// exec runs a command and returns its exit code.
func (t *tool) exec(ctx context.Context, container string, command []string, tty bool) (int, error) {
	r := exec.Request{
		Container: container, Command: command, TTY: tty, Term: os.Getenv("TERM"),
		Stdin: t.in, Stdout: t.out, Stderr: t.err,
	}
	if in := t.terminal(); tty && in != nil {
		terminal, err := exec.OpenTerminal(in)
		if err != nil {
			return 0, err
		}
		defer terminal.Close()
		r.Size, r.Resized = terminal.Size, terminal.Resized()
	}
	// Signals are the command's: they must not end ctx as well.
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT)
	defer signal.Stop(signals)
	r.Signals = signals
	client := &exec.Client{HTTP: t.client().http, URL: execURL}
	return client.Run(context.WithoutCancel(ctx), r)
}

// exited makes an exit code the result of apiclient.
func exited(code int, err error) error {
	if err == nil && code != 0 {
		return multicall.ExitCode(code)
	}
	return err
}

const (
	adminContainer = "admin"
	adminWait      = 5 * time.Minute // for its image to be pulled
	adminPause     = time.Second     // between two attempts
)

// adminShell is the best shell that there is in the container.
var adminShell = []string{"/bin/sh", "-c", "if command -v bash >/dev/null; then exec bash -l; fi; exec sh -l"}

func (t *tool) enterCommand() *cobra.Command {
	return &cobra.Command{
		Use: "enter-admin-container", Short: "Start the admin container and a shell in it",
		Long: "Turns host-containers.admin.enabled on, waits for the container and runs a shell in it.",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if err := t.enableAdmin(c.Context()); err != nil {
				return err
			}
			return exited(t.enter(c.Context(), adminPause))
		},
	}
}

func (t *tool) leaveCommand() *cobra.Command {
	return &cobra.Command{
		Use: "disable-admin-container", Short: "Stop the admin container",
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error { return t.setAdmin(c.Context(), false) },
	}
}

// enableAdmin turns the container on unless it is.
func (t *tool) enableAdmin(ctx context.Context) error {
	var s struct {
		HostContainers map[string]struct {
			Enabled bool
			Source  string
		} `json:"host-containers"`
	}
	if _, err := t.client().getJSON(ctx, api.PathSettings+"?keys=settings.host-containers", &s); err != nil {
		return err
	}
	switch admin := s.HostContainers[adminContainer]; {
	case admin.Source == "":
		return errors.New("settings.host-containers.admin.source is not set: it names the image of the admin container")
	case admin.Enabled:
		return nil
	}
	return t.setAdmin(ctx, true)
}

func (t *tool) setAdmin(ctx context.Context, on bool) error {
	body, err := json.Marshal(map[string]any{"host-containers": map[string]any{adminContainer: map[string]any{"enabled": on}}})
	if err != nil {
		return err
	}
	quiet := *t
	quiet.out = io.Discard // a shell follows, or nothing
	return quiet.make(ctx, &change{quiet: true}, func(tx string) error {
		return t.client().ask(ctx, http.MethodPatch, withTx(api.PathSettings, tx), body, nil)
	})
}

// enter runs the shell as soon as the container runs. Whether it does is found
// out by a command without input, so that no attempt takes what is typed.
func (t *tool) enter(ctx context.Context, pause time.Duration) (int, error) {
	client := &exec.Client{HTTP: t.client().http, URL: execURL}
	probe := exec.Request{Container: adminContainer, Command: []string{"/bin/sh", "-c", ":"}, Stdout: io.Discard, Stderr: io.Discard}
	end := time.Now().Add(adminWait)
	for waiting := false; ; waiting = true {
		_, err := client.Run(ctx, probe)
		switch {
		case err == nil:
			return t.exec(ctx, adminContainer, adminShell, t.terminal() != nil)
		case !errors.Is(err, exec.ErrNotRunning) || time.Now().After(end):
			return 0, err
		case !waiting:
			fmt.Fprintln(t.err, "waiting for the admin container; apiclient journal -u host-container@admin.service tells how far it is")
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(pause):
		}
	}
}

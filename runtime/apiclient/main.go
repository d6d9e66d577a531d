package apiclient

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"

	"github.com/spf13/cobra"
	"golang.org/x/sys/unix"
	"golang.org/x/term"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/multicall"
)

// Main is the apiclient command.
func Main(args []string, stdout, stderr io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	t := &tool{in: os.Stdin, out: stdout, err: stderr, interactive: term.IsTerminal(int(os.Stdin.Fd()))}
	return t.run(ctx, args)
}

// A tool is one call of the command.
type tool struct {
	in          io.Reader
	out, err    io.Writer
	interactive bool // somebody can answer questions

	socket string
	asJSON bool
}

// run is Main with everything as an argument.
func (t *tool) run(ctx context.Context, args []string) error {
	root := t.command()
	root.SetArgs(args)
	root.SetIn(t.in)
	root.SetOut(t.out)
	root.SetErr(t.err)
	return root.ExecuteContext(ctx)
}

func (t *tool) client() *Client { return New(t.socket) }

const rootHelp = `Asks the host API and prints the answer: tables for people, JSON for programs.

The exit code is 0 if all is well, 1 if the host refused, failed or is not
healthy, 2 if the command was called wrongly.`

const rootExample = `  apiclient get os
  apiclient get settings.ntp
  apiclient set motd="hello"
  apiclient apply --try 60s < settings.toml
  apiclient journal -u chronyd.service --follow`

// command is the tree of commands.
func (t *tool) command() *cobra.Command {
	root := &cobra.Command{
		Use: "apiclient", Short: "Ask the host API", Long: rootHelp, Example: rootExample,
		SilenceErrors: true, SilenceUsage: true,
	}
	parent(root)
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usage(err) })
	flags := root.PersistentFlags()
	flags.StringVarP(&t.socket, "socket", "s", api.Socket, "socket of the API")
	flags.StringVar(&t.socket, "socket-path", api.Socket, "another name of --socket")
	flags.Lookup("socket-path").Hidden = true
	flags.BoolVar(&t.asJSON, "json", false, "print JSON")
	root.AddCommand(
		t.getCommand(), t.setCommand(), t.deleteCommand(), t.applyCommand(), t.confirmCommand(), t.revertCommand(),
		t.execCommand(), t.enterCommand(), t.leaveCommand(), t.updateCommand(),
		t.txCommand(), t.diffCommand("diff"), t.servicesCommand(), t.healthCommand(),
		t.journalCommand(), t.auditCommand(), t.metricsCommand(), t.reportCommand(), t.rawCommand(), t.rebootCommand(),
	)
	return root
}

// parent makes a command that only has others below it say so.
func parent(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.SuggestionsMinimumDistance = 2
	c.RunE = func(c *cobra.Command, args []string) error {
		if len(args) == 0 {
			fmt.Fprint(c.ErrOrStderr(), c.UsageString())
			return fmt.Errorf("%w: no command", multicall.ErrUsage)
		}
		hint := ""
		if near := c.SuggestionsFor(args[0]); len(near) > 0 {
			hint = fmt.Sprintf(" (did you mean %s?)", near[0])
		}
		return fmt.Errorf("%w: no command %q%s, see --help", multicall.ErrUsage, args[0], hint)
	}
}

// usage marks an error as one of the call itself.
func usage(err error) error { return fmt.Errorf("%w: %w", multicall.ErrUsage, err) }

// arguments makes what a validator says a wrong usage.
func arguments(check cobra.PositionalArgs) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage(err)
		}
		return nil
	}
}

// show prints v as indented JSON or by its table.
func (t *tool) show(v any, table func(io.Writer) error) error {
	if !t.asJSON {
		return table(t.out)
	}
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	_, err = fmt.Fprintf(t.out, "%s\n", b)
	return err
}

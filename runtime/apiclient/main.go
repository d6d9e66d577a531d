package apiclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/multicall"
)

const usage = `Usage: apiclient [--socket PATH] COMMAND

  get os [--json]       what runs on this host
  get health [--json]   whether it is well; the exit code is 1 if it is not
  reboot                restart the host
  raw [-m METHOD] [-d DATA] -u PATH
                        one request; prints the body, the exit code is 1 for
                        an HTTP status of 400 and up
`

// Main is the apiclient command.
func Main(args []string, stdout, stderr io.Writer) error {
	flags := newFlags("apiclient", stderr)
	socket := flags.String("socket", api.Socket, "")
	if err := parse(flags, args); err != nil {
		return err
	}
	c := New(*socket)
	ctx := context.Background()
	switch verb, rest := first(flags.Args()); verb {
	case "get":
		return get(ctx, c, rest, stdout, stderr)
	case "raw":
		return raw(ctx, c, rest, stdout, stderr)
	case "reboot":
		return reboot(ctx, c, rest)
	case "":
		fmt.Fprint(stderr, usage)
		return fmt.Errorf("%w: no command", multicall.ErrUsage)
	default:
		return fmt.Errorf("%w: no command %q, see --help", multicall.ErrUsage, verb)
	}
}

func get(ctx context.Context, c *Client, args []string, stdout, stderr io.Writer) error {
	what, rest := first(args)
	flags := newFlags("get", stderr)
	asJSON := flags.Bool("json", false, "")
	if what == "--json" || what == "-json" { // before the noun works as well
		*asJSON = true
		what, rest = first(rest)
	}
	if err := parse(flags, rest); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%w: %q is one too many", multicall.ErrUsage, flags.Arg(0))
	}
	switch what {
	case "os":
		os, err := c.OS(ctx)
		if err != nil {
			return err
		}
		return show(stdout, *asJSON, os, func(w io.Writer) error { return tableOS(w, os) })
	case "health":
		h, err := c.Health(ctx)
		if err != nil {
			return err
		}
		if err := show(stdout, *asJSON, h, func(w io.Writer) error { return tableHealth(w, h) }); err != nil {
			return err
		}
		if h.Status != api.Good {
			return multicall.ErrSilent
		}
		return nil
	}
	return fmt.Errorf("%w: get what? os or health, not %q", multicall.ErrUsage, what)
}

func raw(ctx context.Context, c *Client, args []string, stdout, stderr io.Writer) error {
	flags := newFlags("raw", stderr)
	method := flags.String("m", http.MethodGet, "")
	path := flags.String("u", "", "")
	data := flags.String("d", "", "")
	if err := parse(flags, args); err != nil {
		return err
	}
	if *path == "" || (*path)[0] != '/' || flags.NArg() > 0 {
		return fmt.Errorf("%w: -u PATH is needed and PATH starts with /", multicall.ErrUsage)
	}
	res, err := c.Open(ctx, *method, *path, []byte(*data))
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if _, err := io.Copy(stdout, res.Body); err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	if res.StatusCode >= http.StatusBadRequest {
		return fmt.Errorf("HTTP status %s", res.Status)
	}
	return nil
}

func reboot(ctx context.Context, c *Client, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%w: reboot takes no arguments", multicall.ErrUsage)
	}
	status, header, _, err := c.Do(ctx, http.MethodPost, api.PathReboot, nil)
	if err != nil {
		return err
	}
	if status != http.StatusAccepted {
		return fmt.Errorf("HTTP status %d (%s)", status, header.Get("Content-Type"))
	}
	return nil
}

// show prints v as indented JSON or by its table.
func show(w io.Writer, asJSON bool, v any, table func(io.Writer) error) error {
	if !asJSON {
		return table(w)
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func newFlags(name string, stderr io.Writer) *flag.FlagSet {
	f := flag.NewFlagSet(name, flag.ContinueOnError)
	f.SetOutput(io.Discard)
	f.Usage = func() { fmt.Fprint(stderr, usage) }
	return f
}

func parse(f *flag.FlagSet, args []string) error {
	err := f.Parse(args)
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return err
	}
	return fmt.Errorf("%w: %w", multicall.ErrUsage, err)
}

func first(args []string) (string, []string) {
	if len(args) == 0 {
		return "", nil
	}
	return args[0], args[1:]
}

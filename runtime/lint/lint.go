// Package lint checks user data off the host, with the code that reads them on
// it.
package lint

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"text/tabwriter"

	"github.com/slipway-os/slipway/runtime/multicall"
	"github.com/slipway-os/slipway/runtime/settings"
	"github.com/slipway-os/slipway/runtime/userdata"
)

const usage = `Usage: slipway lint [--variant ID] [--json] FILE

Checks user data as a host would, without one. FILE is - for standard input:
TOML or multipart MIME, plain or packed by gzip.

  --variant ID   the variant that the host runs (default base); settings of
                 other variants are only warned of
  --json         print the outcome as JSON

Prints "ok" and exits with 0 if a host would use the user data, warnings
included. Otherwise prints each mistake and exits with 1. Exits with 2 if it is
called wrongly.
`

// An Outcome is what --json prints.
type Outcome struct {
	OK       bool                `json:"ok"`
	Problems []*settings.Problem `json:"problems"`
	Warnings []string            `json:"warnings"`
}

// Main is the lint command. It reads standard input for -.
func Main(args []string, stdout, stderr io.Writer) error {
	return run(args, os.Stdin, stdout, stderr)
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("lint", flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	flags.Usage = func() { fmt.Fprint(stdout, usage) }
	variant := flags.String("variant", "base", "")
	asJSON := flags.Bool("json", false, "")
	files, err := parse(flags, args)
	if err != nil {
		return err
	}
	if len(files) != 1 {
		return fmt.Errorf("%w: want one file, or - for standard input; see --help", multicall.ErrUsage)
	}
	data, err := read(files[0], stdin)
	if err != nil {
		return fmt.Errorf("reading user data: %w", err)
	}
	out := check(data, settings.ForVariant(*variant))
	if *asJSON {
		err = printJSON(stdout, out)
	} else {
		err = printText(stdout, stderr, out)
	}
	if err != nil {
		return fmt.Errorf("printing: %w", err)
	}
	if !out.OK {
		return multicall.ErrSilent
	}
	return nil
}

// parse takes flags before and after the file.
func parse(flags *flag.FlagSet, args []string) (files []string, err error) {
	for {
		if err := flags.Parse(args); errors.Is(err, flag.ErrHelp) {
			return nil, err
		} else if err != nil {
			return nil, fmt.Errorf("%w: %w", multicall.ErrUsage, err)
		}
		if flags.NArg() == 0 {
			return files, nil
		}
		files, args = append(files, flags.Arg(0)), flags.Args()[1:]
	}
}

// read reads at most one byte more than is allowed, which is enough to be told.
func read(file string, stdin io.Reader) ([]byte, error) {
	r := stdin
	if file != "-" {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	return io.ReadAll(io.LimitReader(r, userdata.MaxSize+1))
}

// check runs the host's code.
func check(data []byte, s *settings.Schema) Outcome {
	out := Outcome{Problems: []*settings.Problem{}, Warnings: []string{}}
	_, warnings, err := userdata.Lint(data, s)
	out.OK = err == nil
	out.Warnings = append(out.Warnings, warnings...)
	out.Problems = append(out.Problems, settings.Problems(err)...)
	if err != nil && len(out.Problems) == 0 {
		out.Problems = append(out.Problems, &settings.Problem{Message: err.Error()})
	}
	return out
}

func printJSON(w io.Writer, out Outcome) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(out)
}

// printText prints a line for each mistake, or "ok"; warnings go to stderr.
func printText(stdout, stderr io.Writer, out Outcome) error {
	for _, w := range out.Warnings {
		if _, err := fmt.Fprintln(stderr, "warning:", w); err != nil {
			return err
		}
	}
	if out.OK {
		_, err := fmt.Fprintln(stdout, "ok")
		return err
	}
	tw := tabwriter.NewWriter(stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "LINE\tKEY\tEXPECTED\tFOUND\tMISTAKE")
	for _, p := range out.Problems {
		line := "-"
		if p.Line > 0 {
			line = fmt.Sprint(p.Line)
		}
		fmt.Fprintf(tw, "%s\t%s\t%s\t%s\t%s\n", line, orDash(keyOf(p)), orDash(p.Expected), orDash(p.Found), clean(p.Message))
	}
	return tw.Flush()
}

// keyOf is the key as it stands in user data.
func keyOf(p *settings.Problem) string {
	if p.Key == "" {
		return ""
	}
	return "settings." + p.Key + p.At
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return clean(s)
}

// clean keeps a message on its line of the table, and a terminal unharmed.
func clean(s string) string {
	out := []rune{}
	for _, r := range s {
		switch {
		case r == '\n':
			out = append(out, ';', ' ')
		case r < ' ' || r == 0x7f || (r >= 0x80 && r < 0xa0):
			out = append(out, '?')
		default:
			out = append(out, r)
		}
	}
	return string(out)
}

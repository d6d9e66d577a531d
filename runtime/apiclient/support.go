package apiclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/runtime/api"
	"github.com/slipway-os/slipway/runtime/audit"
)

func (t *tool) reportCommand() *cobra.Command {
	var file string
	c := &cobra.Command{
		Use: "report", Short: "Save a support bundle: everything that helps to find out what is wrong",
		Long: `Saves a tar.gz file with what helps to find out what is wrong: os, health,
settings without secrets, the journals of this boot and the one before, units,
memory, network, the audit log. The journals may hold what programs wrote there.`,
		Example: "  apiclient report\n  apiclient report -o - > bundle.tar.gz", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			if file == "" {
				file = "slipway-report-" + time.Now().UTC().Format("20060102T150405Z") + ".tar.gz"
			}
			return t.report(c.Context(), file)
		},
	}
	c.Flags().StringVarP(&file, "output", "o", "", "file to write; - for standard output (default slipway-report-TIME.tar.gz)")
	return c
}

// report writes the bundle to a file that is there as a whole or not at all.
func (t *tool) report(ctx context.Context, file string) error {
	body, err := t.open(ctx, api.PathSupport)
	if err != nil {
		return err
	}
	defer body.Close()
	if file == "-" {
		_, err := io.Copy(t.out, body)
		return err
	}
	f, err := renameio.NewPendingFile(file, renameio.WithPermissions(0o600))
	if err != nil {
		return fmt.Errorf("saving the report: %w", err)
	}
	defer f.Cleanup()
	if _, err := io.Copy(f, body); err != nil {
		return fmt.Errorf("saving the report: %w", err)
	}
	if err := f.CloseAtomicallyReplace(); err != nil {
		return fmt.Errorf("saving the report: %w", err)
	}
	_, err = fmt.Fprintln(t.out, file)
	return err
}

// open asks for a path and returns the body to be read.
func (t *tool) open(ctx context.Context, path string) (io.ReadCloser, error) {
	res, err := t.client().Open(ctx, http.MethodGet, path, nil)
	if err != nil {
		return nil, err
	}
	if res.StatusCode == http.StatusOK {
		return res.Body, nil
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	if p := problemOf(res.Header, b); p != nil {
		return nil, p
	}
	return nil, errors.Join(fmt.Errorf("GET %s: HTTP status %s", path, res.Status), err)
}

func (t *tool) metricsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "metrics", Short: "Print figures of the host, in Prometheus text", Example: "  apiclient metrics", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			body, err := t.open(c.Context(), api.PathMetrics)
			if err != nil {
				return err
			}
			defer body.Close()
			_, err = io.Copy(t.out, body)
			return err
		},
	}
}

func (t *tool) auditCommand() *cobra.Command {
	var n int
	c := &cobra.Command{
		Use: "audit", Short: "Show who changed what", Example: "  apiclient audit -n 20", Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			path := api.PathAudit
			if n >= 0 {
				path += "?lines=" + strconv.Itoa(n)
			}
			var page audit.Page
			if _, err := t.client().getJSON(c.Context(), path, &page); err != nil {
				return err
			}
			return t.show(page.Records, func(w io.Writer) error { return tableAudit(w, page.Records) })
		},
	}
	c.Flags().IntVarP(&n, "lines", "n", 100, "only so many of the last; -1 for all")
	return c
}

func (t *tool) journalCommand() *cobra.Command {
	var q journalFlags
	c := &cobra.Command{
		Use: "journal", Aliases: []string{"logs"}, Short: "Print the journal",
		Example: `  apiclient journal -n 100
  apiclient logs -u chronyd.service --since 1h
  apiclient journal -p err -b -1
  apiclient journal --follow --json`,
		Args: arguments(cobra.NoArgs),
		RunE: func(c *cobra.Command, _ []string) error {
			body, err := t.open(c.Context(), api.PathJournal+"?"+q.query(c).Encode())
			if err != nil {
				return err
			}
			defer body.Close()
			if t.asJSON {
				_, err = io.Copy(t.out, body)
			} else {
				err = printJournal(t.out, body)
			}
			if c.Context().Err() != nil { // Ctrl-C ends --follow
				return nil
			}
			return err
		},
	}
	q.flags(c)
	return c
}

// journalFlags are named as those of journalctl. Each is passed on only if it
// was given.
type journalFlags struct {
	boot, unit, priority, since, until string
	lines                              int
	follow, kernel                     bool
}

func (q *journalFlags) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&q.boot, "boot", "b", "0", "this boot (0), the one before (-1), … or a boot ID")
	f.StringVarP(&q.unit, "unit", "u", "", "only of these units, with commas between them")
	f.StringVarP(&q.priority, "priority", "p", "", "only of this priority or a graver one: 0 to 7, or emerg to debug")
	f.StringVar(&q.since, "since", "", "only from then on: 2026-01-31T12:00:00Z, or 1h for an hour ago")
	f.StringVar(&q.until, "until", "", "only up to then, as --since")
	f.IntVarP(&q.lines, "lines", "n", 0, "only so many of the last")
	f.BoolVarP(&q.follow, "follow", "f", false, "go on with what comes")
	f.BoolVarP(&q.kernel, "kernel", "k", false, "only of the kernel")
}

func (q *journalFlags) query(c *cobra.Command) url.Values {
	values := url.Values{}
	for _, name := range []string{"boot", "unit", "priority", "since", "until", "lines", "follow", "kernel"} {
		if f := c.Flags().Lookup(name); f.Changed {
			values.Set(name, f.Value.String())
		}
	}
	return values
}

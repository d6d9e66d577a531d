package cli

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/tuf-repo/client"
	"github.com/slipway-os/slipway/tuf-repo/mirror"
	"github.com/slipway-os/slipway/tuf-repo/repo"
	"github.com/slipway-os/slipway/tuf-repo/serve"
)

func mirrorCommand(a *app) *cobra.Command {
	var from, metadataURL, targetsURL, root string
	o := mirror.Options{}
	cmd := &cobra.Command{
		Use:   "mirror --from URL|DIR --root FILE --output DIR [--channel NAME]...",
		Short: "Copy a repository or some of its channels, verified",
		Long: `Copy a repository or some of its channels into a folder, for sites that cannot
reach it. Everything is verified on the way, from a root that you trust. Run
again, it fetches what is new. Nothing has to be signed: hosts trust a mirror
by the same root.`,
		Example: `  tufrepo mirror --from https://updates.example.com --root 1.root.json --output /media/disk/updates
  tufrepo mirror --from /srv/updates --root 1.root.json --output /media/disk/updates --channel stable`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (from == "") == (metadataURL == "" || targetsURL == "") {
				return errors.New("name --from, or both --metadata-url and --targets-url")
			}
			o.Source = client.Source{Metadata: metadataURL, Targets: targetsURL}
			if from != "" {
				o.Source = client.Of(from)
			}
			var err error
			if o.Root, err = os.ReadFile(root); err != nil {
				return err
			}
			o.Disk, o.Progress = a.disk, progress(a.stderr)
			report, err := mirror.Copy(cmd.Context(), o)
			if err != nil {
				return err
			}
			if a.asJSON {
				return writeJSON(cmd.OutOrStdout(), report)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s has %s: %d files, of which %d are new (%s)\n",
				o.Dir, strings.Join(report.Channels, ", "), report.Files, report.Fetched, bytesText(report.Bytes))
			return nil
		},
	}
	f := cmd.Flags()
	f.StringVar(&from, "from", "", "URL or folder with metadata/ and targets/")
	f.StringVar(&metadataURL, "metadata-url", "", "where metadata is, if not in FROM/metadata")
	f.StringVar(&targetsURL, "targets-url", "", "where targets are, if not in FROM/targets")
	f.StringVar(&root, "root", "", "root of the repository that you trust")
	f.StringVar(&o.Dir, "output", "", "folder of the mirror")
	f.StringArrayVar(&o.Channels, "channel", nil, "a channel (all); may be repeated")
	a.jsonFlag(cmd)
	cmd.MarkFlagRequired("root")
	cmd.MarkFlagRequired("output")
	return cmd
}

func serveCommand(a *app) *cobra.Command {
	var listen, throttle string
	cmd := &cobra.Command{
		Use:     "serve --repo DIR [--listen ADDRESS] [--throttle RATE]",
		Short:   "Serve a repository over HTTP, for trials",
		Example: `  tufrepo serve --repo /srv/updates --listen 127.0.0.1:8080 --throttle 1M`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			rate, err := parseRate(throttle)
			if err != nil {
				return err
			}
			if _, err := os.Stat(a.repo); err != nil {
				return err
			}
			l, err := net.Listen("tcp", listen)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "serving %s at http://%s\n", a.repo, l.Addr())
			return serve.Run(cmd.Context(), l, serve.Handler(a.repo, rate))
		},
	}
	a.repoFlag(cmd)
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "address and port; port 0 takes a free one")
	cmd.Flags().StringVar(&throttle, "throttle", "", "bytes in a second, of all answers together, like 500K or 2M")
	return cmd
}

// parseRate reads bytes a second, with K or M for powers of 1024.
func parseRate(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	digits, unit := s, 1
	if n, ok := strings.CutSuffix(s, "K"); ok {
		digits, unit = n, 1<<10
	} else if n, ok := strings.CutSuffix(s, "M"); ok {
		digits, unit = n, 1<<20
	}
	n, err := strconv.Atoi(digits)
	if err != nil || n < 1 || n > 1<<20 {
		return 0, fmt.Errorf("--throttle %q is not a number of bytes above 0, like 500K or 2M", s)
	}
	return n * unit, nil
}

func trialCommand(a *app) *cobra.Command {
	var f additionFlags
	var output, channel string
	cmd := &cobra.Command{
		Use:   "trial --output DIR --artifacts DIR...",
		Short: "Make a repository whose keys are no secret, for tests",
		Long: `Make a repository whose keys are no secret, for tests: they are computed from
the roles' names. Times come from SOURCE_DATE_EPOCH, so that equal images give
equal bytes. The root is marked, and tufrepo status says so.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now, err := sourceDate()
			if err != nil {
				return err
			}
			if f.start == "" {
				f.start = now.Format(time.RFC3339)
			}
			additions, err := f.additions(channel)
			if err != nil {
				return err
			}
			return repo.Trial(output, channel, additions, now, repo.Options{Disk: a.disk, Progress: progress(a.stderr)})
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "folder to make")
	cmd.Flags().StringVar(&channel, "channel", "stable", "channel")
	f.register(cmd, "emergency")
	cmd.MarkFlagRequired("output")
	cmd.AddCommand(trialRootCommand())
	return cmd
}

func trialRootCommand() *cobra.Command {
	var output, channel string
	cmd := &cobra.Command{
		Use:   "root --output FILE",
		Short: "Write the root of trial repositories",
		Long: `Write the root of the trial repositories of a channel, for images that are to
trust one before it is there. It must not be in an image that is for others.`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			now, err := sourceDate()
			if err != nil {
				return err
			}
			root, err := repo.TrialRoot(channel, now)
			if err != nil {
				return err
			}
			return os.WriteFile(output, root, 0o644)
		},
	}
	cmd.Flags().StringVar(&output, "output", "", "file to write")
	cmd.Flags().StringVar(&channel, "channel", "stable", "channel")
	cmd.MarkFlagRequired("output")
	return cmd
}

// sourceDate is SOURCE_DATE_EPOCH, or now.
func sourceDate() (time.Time, error) {
	s := os.Getenv("SOURCE_DATE_EPOCH")
	if s == "" {
		return time.Now().UTC().Truncate(time.Second), nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 || n > 1<<33 {
		return time.Time{}, fmt.Errorf("SOURCE_DATE_EPOCH=%q is not a number of seconds since 1970 above 0", s)
	}
	return time.Unix(n, 0).UTC(), nil
}

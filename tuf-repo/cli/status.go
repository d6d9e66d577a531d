package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/tuf-repo/key"
	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

func timeText(t time.Time) string { return t.UTC().Format("2006-01-02 15:04Z") }

func statusCommand(a *app) *cobra.Command {
	var within string
	cmd := &cobra.Command{
		Use:   "status --repo DIR [--within AGE]",
		Short: "Show versions, keys, and what expires when",
		Long:  "Show versions, keys, and what expires when. The exit code is 1 where something\nhas expired, or expires within the time given.",
		Example: `  tufrepo status --repo /srv/updates
  tufrepo status --repo /srv/updates --within 30d --json`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var limit time.Duration
			if within != "" {
				var err error
				if limit, err = repo.ParseAge(within); err != nil {
					return fmt.Errorf("--within: %w", err)
				}
			}
			return a.with(func(r *repo.Repository) error { return a.status(cmd.OutOrStdout(), r, limit) })
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	a.jsonFlag(cmd)
	cmd.Flags().StringVar(&within, "within", "", "limit, like 30d or 36h")
	return cmd
}

func (a *app) status(w io.Writer, r *repo.Repository, limit time.Duration) error {
	s, err := r.Status(limit)
	if err != nil {
		return err
	}
	if a.asJSON {
		err = writeJSON(w, s)
	} else {
		err = statusTable(w, s)
	}
	if err == nil && s.Expiring {
		fmt.Fprintln(a.stderr, "tufrepo: "+expiring(s))
		return errReported
	}
	return err
}

func expiring(s *repo.Status) string {
	var roles []string
	for _, row := range s.Roles {
		if row.Soon {
			roles = append(roles, fmt.Sprintf("%s (%s)", row.Role, row.Left))
		}
	}
	return "expired or about to expire: " + strings.Join(roles, ", ")
}

func statusTable(w io.Writer, s *repo.Status) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROLE\tVERSION\tEXPIRES\tLEFT\tSIGNERS\tKEYS")
	for _, row := range s.Roles {
		fmt.Fprintf(t, "%s\t%d\t%s\t%s\t%d of %d\t%s\n", row.Role, row.Version, timeText(row.Expires), row.Left, row.Threshold, len(row.Keys), keysText(row.Keys))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	if s.Staged > 0 {
		fmt.Fprintf(w, "%d images are staged (tufrepo publish)\n", s.Staged)
	}
	if s.Pending != "" {
		fmt.Fprintf(w, "a change of %s waits (tufrepo sign, tufrepo rotate --continue)\n", s.Pending)
	}
	if s.Trial {
		fmt.Fprintln(w, "THE KEYS OF THIS REPOSITORY ARE NO SECRET: it is for trials only")
	}
	return nil
}

// keysText names keys by their files where these are at hand.
func keysText(keys []repo.Key) string {
	var names []string
	for _, k := range keys {
		name := k.Name
		if name == "" {
			name = key.Short(k.ID)
		}
		if !k.AtHand {
			name += " (not at hand)"
		}
		names = append(names, name)
	}
	return strings.Join(names, ", ")
}

// listed is an image in the output of list.
type listed struct {
	Channel string         `json:"channel"`
	Staged  bool           `json:"staged"`
	Image   manifest.Image `json:"image"`
}

func listCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "list --repo DIR",
		Short:   "List images: staged and published, and who is offered them",
		Example: `  tufrepo list --repo /srv/updates --json`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with(func(r *repo.Repository) error {
				images, err := images(r)
				if err != nil {
					return err
				}
				if a.asJSON {
					return writeJSON(cmd.OutOrStdout(), images)
				}
				return listTable(cmd.OutOrStdout(), images)
			})
		},
	}
	a.repoFlag(cmd)
	a.jsonFlag(cmd)
	return cmd
}

func images(r *repo.Repository) ([]listed, error) {
	s, err := r.Load()
	if err != nil {
		return nil, err
	}
	all := []listed{}
	for _, name := range s.ChannelNames() {
		for _, i := range s.Channels[name].Manifest.Images {
			all = append(all, listed{Channel: name, Image: i})
		}
	}
	staged, err := r.Staged("")
	for _, e := range staged {
		all = append(all, listed{e.Channel, true, e.Image})
	}
	return all, err
}

func listTable(w io.Writer, images []listed) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "CHANNEL\tVARIANT\tARCH\tVERSION\tFROM\tOFFERED TO")
	for _, l := range images {
		from, to := l.Image.MinVersion, offer(&l.Image)
		if from == "" {
			from = "any"
		}
		if l.Staged {
			to = "nobody: staged"
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", l.Channel, l.Image.Variant, l.Image.Arch, l.Image.Version, from, to)
	}
	return t.Flush()
}

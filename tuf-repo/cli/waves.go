package cli

import (
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// choiceFlags name published images.
func choiceFlags(cmd *cobra.Command, c *repo.Choice) {
	f := cmd.Flags()
	f.StringVar(&c.Channel, "channel", "stable", "channel")
	f.StringVar(&c.Version, "version", "", "version of the image")
	f.StringVar(&c.Variant, "variant", "", "variant (all)")
	f.StringVar(&c.Arch, "arch", "", "architecture (all)")
	cmd.MarkFlagRequired("version")
}

// change changes published images and says so in a line for each.
func (a *app) change(w io.Writer, c repo.Choice, change func(*manifest.Image)) error {
	return a.with(func(r *repo.Repository) error {
		images, err := r.Change(c, change)
		if err != nil {
			return err
		}
		for _, i := range images {
			fmt.Fprintf(w, "%s in channel %s: %s\n", i, c.Channel, offer(i))
		}
		return nil
	})
}

// offer says who is offered an image, and when.
func offer(i *manifest.Image) string {
	switch {
	case i.Paused:
		return "paused"
	case len(i.Waves) == 0:
		return "all hosts, at once"
	}
	first, last := i.Waves[0], i.Waves[len(i.Waves)-1]
	if first == last {
		return "all hosts from " + timeText(first.Start)
	}
	return fmt.Sprintf("%d waves, %s to %s", len(i.Waves), timeText(first.Start), timeText(last.Start))
}

func wavesCommand(a *app) *cobra.Command {
	var c repo.Choice
	var plan, start string
	cmd := &cobra.Command{
		Use:   "waves --repo DIR --version V --waves PLAN",
		Short: "Set when hosts are offered a published image",
		Long: `Set when hosts are offered a published image. A host belongs to a wave by its
seed, which it draws once:

  default    1 % at the start, 5 % after 6 hours, 20 % after a day, 50 % after two,
             75 % after three, all after four
  fast       5 % at the start, 25 % after 2 hours, 50 % after 4, all after 8
  emergency  all at the start`,
		Example: `  tufrepo waves --repo /srv/updates --version 0.2.1 --waves emergency
  tufrepo waves --repo /srv/updates --version 0.3.0 --waves default --start 2026-12-01T08:00:00Z`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			waves, err := readPlan(plan, start)
			if err != nil {
				return err
			}
			return a.change(cmd.OutOrStdout(), c, func(i *manifest.Image) { i.Waves = waves })
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	choiceFlags(cmd, &c)
	waveFlags(cmd, &plan, &start, "default")
	return cmd
}

func pauseCommand(a *app, paused bool) *cobra.Command {
	var c repo.Choice
	cmd := &cobra.Command{
		Use:     "pause --repo DIR --version V",
		Short:   "Offer a published image to nobody",
		Long:    "Offer a published image to nobody. Hosts that run it already keep it.",
		Example: `  tufrepo pause --repo /srv/updates --version 0.2.0`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.change(cmd.OutOrStdout(), c, func(i *manifest.Image) { i.Paused = paused })
		},
	}
	if !paused {
		cmd.Use = "resume --repo DIR --version V"
		cmd.Short = "Offer a paused image again"
		cmd.Long = "Offer a paused image again, by its waves as they were."
		cmd.Example = `  tufrepo resume --repo /srv/updates --version 0.2.0`
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	choiceFlags(cmd, &c)
	return cmd
}

package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/tuf-repo/manifest"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// additionFlags describe an image to add.
type additionFlags struct {
	folders []string
	files   []string
	waves   string
	start   string
	repo.Addition
}

func (f *additionFlags) register(cmd *cobra.Command, usualPlan string) {
	flags := cmd.Flags()
	flags.StringArrayVar(&f.folders, "artifacts", nil, "folder that `imagetool build --artifacts` made; may be repeated")
	flags.StringArrayVar(&f.files, "file", nil, "ROLE=PATH or patch@VERSION=PATH: one more artefact; may be repeated")
	flags.StringVar(&f.Variant, "variant", "", "variant, where the image does not say it")
	flags.StringVar(&f.MinVersion, "min-version", "", "lowest version that may update straight to the image")
	flags.BoolVar(&f.Paused, "paused", false, "offer the image to nobody before tufrepo resume")
	waveFlags(cmd, &f.waves, &f.start, usualPlan)
}

// waveFlags choose a plan.
func waveFlags(cmd *cobra.Command, plan, start *string, usual string) {
	cmd.Flags().StringVar(plan, "waves", usual, "plan: default (4 days), fast (8 hours) or emergency (all hosts at once)")
	cmd.Flags().StringVar(start, "start", "", "when the first wave starts, like 2026-12-01T08:00:00Z (now)")
}

func readPlan(name, start string) ([]manifest.Wave, error) {
	at := time.Now()
	if start != "" {
		var err error
		if at, err = time.Parse(time.RFC3339, start); err != nil {
			return nil, fmt.Errorf("--start %q is not a time like 2026-12-01T08:00:00Z", start)
		}
	}
	return manifest.Plan(name, at)
}

// additions are the images that the flags describe.
func (f *additionFlags) additions(channel string) ([]repo.Addition, error) {
	one := f.Addition
	one.Channel = channel
	var err error
	if one.Waves, err = readPlan(f.waves, f.start); err != nil {
		return nil, err
	}
	for _, s := range f.files {
		file, err := repo.ParseFile(s)
		if err != nil {
			return nil, err
		}
		one.Files = append(one.Files, file)
	}
	if len(one.Files) > 0 && len(f.folders) != 1 {
		return nil, fmt.Errorf("--file belongs to one image, but %d are named by --artifacts", len(f.folders))
	}
	var all []repo.Addition
	for _, dir := range f.folders {
		one.Artifacts = dir
		all = append(all, one)
	}
	return all, nil
}

func (a *app) stage(w io.Writer, r *repo.Repository, additions []repo.Addition) error {
	for _, addition := range additions {
		staged, err := r.Add(addition)
		if err != nil {
			return err
		}
		var size int64
		for _, artefact := range staged.Image.Artefacts {
			size += artefact.Size
		}
		fmt.Fprintf(w, "staged %s for channel %s: %d artefacts, %s\n", &staged.Image, staged.Channel, len(staged.Image.Artefacts), bytesText(size))
	}
	return nil
}

func addCommand(a *app) *cobra.Command {
	var f additionFlags
	var channel string
	cmd := &cobra.Command{
		Use:   "add --repo DIR --artifacts DIR",
		Short: "Stage an image's update artefacts",
		Long: `Stage an image's update artefacts: copy them beside the repository and check
them against image.json. Hosts see nothing of it before tufrepo publish.`,
		Example: `  tufrepo add --repo /srv/updates --artifacts out/ --channel stable --waves default
  tufrepo add --repo /srv/updates --artifacts out/ --file patch@0.1.0=from-0.1.0.patch --min-version 0.1.0`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			additions, err := f.additions(channel)
			if err != nil {
				return err
			}
			return a.with(func(r *repo.Repository) error { return a.stage(cmd.OutOrStdout(), r, additions) })
		},
	}
	a.repoFlag(cmd)
	cmd.Flags().StringVar(&channel, "channel", "stable", "channel")
	f.register(cmd, "default")
	cmd.MarkFlagRequired("artifacts")
	return cmd
}

func publishCommand(a *app) *cobra.Command {
	var f additionFlags
	var channel string
	cmd := &cobra.Command{
		Use:   "publish --repo DIR [--channel NAME] [--artifacts DIR]...",
		Short: "Publish what is staged",
		Long: `Publish what is staged, for one channel or for all. With --artifacts, stage
these images first (for the channel stable where none is named). A named
channel is signed anew also if nothing is staged for it.`,
		Example: `  tufrepo publish --repo /srv/updates
  tufrepo publish --repo /srv/updates --channel beta --artifacts out/ --waves fast`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if len(f.folders) > 0 && channel == "" {
				channel = "stable"
			}
			additions, err := f.additions(channel)
			if err != nil {
				return err
			}
			return a.with(func(r *repo.Repository) error {
				if err := a.stage(cmd.OutOrStdout(), r, additions); err != nil {
					return err
				}
				staged, err := r.Publish(channel)
				for _, s := range staged {
					fmt.Fprintf(cmd.OutOrStdout(), "published %s in channel %s\n", &s.Image, s.Channel)
				}
				return err
			})
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	cmd.Flags().StringVar(&channel, "channel", "", "channel (all with staged images)")
	f.register(cmd, "default")
	return cmd
}

func refreshCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:     "refresh --repo DIR",
		Short:   "Sign a new snapshot and timestamp, and nothing else",
		Long:    "Sign a new snapshot and timestamp, and nothing else. Run it daily: hosts take no\nupdate from a repository whose timestamp has expired.",
		Example: `  tufrepo refresh --repo /srv/updates --keys /etc/tufrepo/online`,
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.with((*repo.Repository).Refresh)
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	return cmd
}

package cli

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/tuf-repo/key"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// rotateFlags are what rotate is asked for.
type rotateFlags struct {
	fresh, given, removed []string
	threshold             int
	resume, abandon       bool
}

func rotateCommand(a *app) *cobra.Command {
	var f rotateFlags
	cmd := &cobra.Command{
		Use:   "rotate ROLE --repo DIR [--new NAME]... [--add FILE.pub]... [--remove KEY]...",
		Short: "Change the keys of a role, or renew the root",
		Long: `Change the keys of a role: root, targets, snapshot, timestamp or a channel.

The old root signs the new one. The keys of other roles change in two roots:
the first takes the old keys and the new ones, the second the new ones only,
so that hosts see a valid repository at each moment. Where root keys are on
another machine, the change waits for their signatures: see tufrepo sign.

"rotate root" with no other flag renews the root: same keys, new expiry.`,
		Example: `  tufrepo rotate timestamp --repo /srv/updates --new timestamp-2 --remove timestamp
  tufrepo rotate root --repo /srv/updates --add carol.pub --remove alice --threshold 2
  tufrepo rotate root --repo /srv/updates
  tufrepo rotate --continue --repo /srv/updates`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if (len(args) == 1) == (f.resume || f.abandon) {
				return errors.New("name a role to rotate, or --continue or --abandon what waits")
			}
			return a.with(func(r *repo.Repository) error {
				switch {
				case f.abandon:
					return r.Abandon()
				case f.resume:
					return a.resume(cmd.OutOrStdout(), r)
				}
				return a.rotate(cmd.OutOrStdout(), r, args[0], f)
			})
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	a.newKeyFlags(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&f.fresh, "new", nil, "make a key of this name and add it; may be repeated")
	flags.StringArrayVar(&f.given, "add", nil, "add a public key made elsewhere; may be repeated")
	flags.StringArrayVar(&f.removed, "remove", nil, "remove a key, by its name or the start of its ID; may be repeated")
	flags.IntVar(&f.threshold, "threshold", 0, "number of keys that must sign (as before)")
	flags.BoolVar(&f.resume, "continue", false, "finish a change that was interrupted")
	flags.BoolVar(&f.abandon, "abandon", false, "drop a change that waits")
	return cmd
}

func (a *app) resume(w io.Writer, r *repo.Repository) error {
	p, err := r.Pending()
	if err != nil {
		return err
	}
	if p == nil {
		return errors.New("no change waits")
	}
	return a.finished(w, r)(r.Continue())
}

// finished reports how far a change came.
func (a *app) finished(w io.Writer, r *repo.Repository) func(*repo.Pending, error) error {
	return func(p *repo.Pending, err error) error {
		if err != nil {
			return err
		}
		if p != nil {
			return a.waiting(w, r, p)
		}
		fmt.Fprintln(w, "published")
		return nil
	}
}

func (a *app) rotate(w io.Writer, r *repo.Repository, role string, f rotateFlags) error {
	s, err := r.Load()
	if err != nil {
		return err
	}
	change := repo.Rotation{Role: role, Threshold: f.threshold}
	for _, name := range f.removed {
		id, err := r.FindKey(s, role, name)
		if err != nil {
			return err
		}
		change.Remove = append(change.Remove, id)
	}
	for _, path := range f.given {
		k, err := key.Public(path)
		if err != nil {
			return err
		}
		change.Add = append(change.Add, k)
	}
	for _, name := range f.fresh {
		k, err := a.makeKey(w, name)
		if err != nil {
			return err
		}
		change.Add = append(change.Add, k.key)
	}
	if len(f.fresh) > 0 { // the ring was opened before they were made
		if r.Ring, err = a.ring(); err != nil {
			return err
		}
	}
	return a.finished(w, r)(r.Rotate(change))
}

func signCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "sign",
		Short: "Carry a change of the root to keys on other machines, and back",
		Long: `Carry a change of the root to keys on other machines, and back: export it to a
folder (on a stick), sign it there on each machine, import it.`,
		Example: `  tufrepo sign export --repo /srv/updates --output /media/stick/root
  tufrepo sign add /media/stick/root --keys /media/alice
  tufrepo sign import /media/stick/root --repo /srv/updates`,
	}
	cmd.AddCommand(signExport(a), signAdd(a), signImport(a))
	return cmd
}

func signExport(a *app) *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "export --repo DIR --output DIR",
		Short: "Write the change that waits to a folder",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.with(func(r *repo.Repository) error { return r.Export(output) })
		},
	}
	a.repoFlag(cmd)
	cmd.Flags().StringVar(&output, "output", "", "folder to write")
	cmd.MarkFlagRequired("output")
	return cmd
}

func signAdd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add DIR --keys DIR",
		Short: "Show and sign the roots in a folder by the keys at hand",
		Long:  "Show and sign the roots in a folder by the keys at hand. No repository is needed.\nWith an empty folder of keys it only shows them.",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			ring, err := a.ring()
			if err != nil {
				return err
			}
			signed, err := repo.SignFolder(a.disk, args[0], ring)
			if err != nil {
				return err
			}
			return signedTable(cmd.OutOrStdout(), signed)
		},
	}
	a.keyFlags(cmd)
	return cmd
}

func signedTable(w io.Writer, signed []repo.Signed) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ROOT\tEXPIRES\tROLE\tSIGNERS\tKEYS")
	for _, s := range signed {
		for _, role := range []string{"root", "targets", "snapshot", "timestamp"} {
			r := s.Root.Signed.Roles[role]
			fmt.Fprintf(t, "%d\t%s\t%s\t%d of %d\t%s\n", s.Root.Signed.Version, timeText(s.Root.Signed.Expires), role, r.Threshold, len(r.KeyIDs), short(r.KeyIDs))
		}
	}
	if err := t.Flush(); err != nil {
		return err
	}
	for _, s := range signed {
		by := "no key at hand signs it, or it is signed already"
		if len(s.Added) > 0 {
			by = "signed now by " + short(s.Added)
		}
		fmt.Fprintf(w, "root %d: %s\n", s.Root.Signed.Version, by)
	}
	return nil
}

func short(ids []string) string {
	var all []string
	for _, id := range ids {
		all = append(all, key.Short(id))
	}
	return strings.Join(all, ", ")
}

func signImport(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import DIR --repo DIR",
		Short: "Take the signatures of a folder and, if they suffice, publish the change",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.with(func(r *repo.Repository) error {
				return a.finished(cmd.OutOrStdout(), r)(r.Import(args[0]))
			})
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	return cmd
}

package cli

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/theupdateframework/go-tuf/v2/metadata"

	"github.com/slipway-os/slipway/tuf-repo/key"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// keyed is a public key and the name of its file.
type keyed struct {
	name string
	key  *metadata.Key
}

func publicKey(path string) (*keyed, error) {
	k, err := key.Public(path)
	return &keyed{strings.TrimSuffix(filepath.Base(path), ".pub"), k}, err
}

func initCommand(a *app) *cobra.Command {
	var channels, given, expiry []string
	var rootKeys, rootThreshold int
	cmd := &cobra.Command{
		Use:   "init --repo DIR [--channel NAME]... [--key ROLE=FILE.pub]...",
		Short: "Make a repository, and keys for its roles",
		Long: `Make a repository, and keys for its roles.

Each role (root, targets, snapshot, timestamp, and each channel) gets a key of
its own in the folder of keys, unless --key names public keys made elsewhere.
Keys that are there under the usual names are taken. Where a root key is on
another machine, the root waits for its signature: see tufrepo sign.`,
		Example: `  tufrepo init --repo /srv/updates --keys ~/keys --channel stable --channel beta
  tufrepo init --repo /srv/updates --root-keys 3 --root-threshold 2
  tufrepo init --repo /srv/updates --key root=alice.pub --key root=bob.pub --root-threshold 2 --expiry root=730d`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan := repo.Plan{Channels: channels, Expiry: repo.DefaultExpiry(), Thresholds: map[string]int{metadata.ROOT: rootThreshold}}
			for _, s := range expiry {
				if err := plan.Expiry.Set(s); err != nil {
					return err
				}
			}
			for _, name := range channels {
				if err := repo.CheckChannel(name); err != nil {
					return err
				}
			}
			var err error
			if plan.Keys, err = a.planKeys(cmd.OutOrStdout(), plan, given, rootKeys); err != nil {
				return err
			}
			return a.init(cmd.OutOrStdout(), plan)
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	a.newKeyFlags(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&channels, "channel", []string{"stable"}, "a channel; may be repeated")
	f.StringArrayVar(&given, "key", nil, "ROLE=FILE.pub: a public key of a role; may be repeated")
	f.StringArrayVar(&expiry, "expiry", nil, "ROLE=AGE: how long signatures of root, targets, channel, snapshot or timestamp hold, like root=365d")
	f.IntVar(&rootKeys, "root-keys", 1, "number of root keys to make")
	f.IntVar(&rootThreshold, "root-threshold", 1, "number of root keys that must sign a root")
	return cmd
}

// planKeys takes the keys that are given and makes the others.
func (a *app) planKeys(w io.Writer, plan repo.Plan, given []string, rootKeys int) (map[string][]*metadata.Key, error) {
	keys := map[string][]*metadata.Key{}
	for _, role := range plan.Roles() {
		keys[role] = nil
	}
	for _, s := range given {
		role, path, ok := strings.Cut(s, "=")
		if _, known := keys[role]; !ok || !known {
			return nil, fmt.Errorf("--key %q is not ROLE=FILE.pub with a role of %s", s, strings.Join(plan.Roles(), ", "))
		}
		k, err := key.Public(path)
		if err != nil {
			return nil, err
		}
		keys[role] = append(keys[role], k)
	}
	for _, role := range plan.Roles() {
		if len(keys[role]) > 0 {
			continue
		}
		for _, name := range keyNames(role, rootKeys) {
			k, err := a.makeKey(w, name)
			if err != nil {
				return nil, err
			}
			keys[role] = append(keys[role], k.key)
		}
	}
	return keys, nil
}

// keyNames are the usual names of a role's first keys.
func keyNames(role string, rootKeys int) []string {
	if role != metadata.ROOT || rootKeys <= 1 {
		return []string{role}
	}
	var names []string
	for n := range rootKeys {
		names = append(names, role+"-"+strconv.Itoa(n+1))
	}
	return names
}

func (a *app) init(w io.Writer, plan repo.Plan) error {
	o, err := a.options()
	if err != nil {
		return err
	}
	r, pending, err := repo.Init(a.repo, plan, o)
	if err != nil {
		return err
	}
	defer r.Close()
	if pending != nil {
		return a.waiting(w, r, pending)
	}
	path, err := r.RootPath()
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "made repository %s\nhosts and mirrors must be given its root: %s\n", a.repo, path)
	return nil
}

// waiting tells what a change of the root waits for.
func (a *app) waiting(w io.Writer, r *repo.Repository, p *repo.Pending) error {
	lines, err := r.Missing(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "the change of %s waits for signatures:\n", p.Role)
	for _, line := range lines {
		fmt.Fprintf(w, "  %s\n", line)
	}
	fmt.Fprintf(w, "carry it to the keys: tufrepo sign export --repo %s --output DIR\n", a.repo)
	return nil
}

func channelCommand(a *app) *cobra.Command {
	var given []string
	threshold := 1
	cmd := &cobra.Command{
		Use:     "channel NAME --repo DIR [--key FILE.pub]...",
		Short:   "Add a channel, empty at first",
		Example: `  tufrepo channel nightly --repo /srv/updates`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := repo.CheckChannel(args[0]); err != nil {
				return err
			}
			var keys []*metadata.Key
			for _, path := range given {
				k, err := key.Public(path)
				if err != nil {
					return err
				}
				keys = append(keys, k)
			}
			if len(keys) == 0 {
				k, err := a.makeKey(cmd.OutOrStdout(), args[0])
				if err != nil {
					return err
				}
				keys = append(keys, k.key)
			}
			return a.with(func(r *repo.Repository) error { return r.AddChannel(args[0], keys, threshold) })
		},
	}
	a.repoFlag(cmd)
	a.keyFlags(cmd)
	a.newKeyFlags(cmd)
	cmd.Flags().StringArrayVar(&given, "key", nil, "a public key of the channel; may be repeated")
	cmd.Flags().IntVar(&threshold, "threshold", 1, "number of keys that must sign")
	return cmd
}

func keyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{Use: "key", Short: "Make keys"}
	create := &cobra.Command{
		Use:     "new NAME --keys DIR",
		Short:   "Make a key: NAME.key, encrypted, and NAME.pub",
		Example: `  tufrepo key new alice --keys /media/stick`,
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if filepath.Base(args[0]) != args[0] || strings.HasPrefix(args[0], ".") {
				return fmt.Errorf("%q is no name of a key", args[0])
			}
			_, err := key.Make(a.disk, a.keys, args[0], a.workFactor, key.Passphrases(a.passphrase, true, os.Stdin, a.stderr))
			return err
		},
	}
	a.keyFlags(create)
	a.newKeyFlags(create)
	cmd.AddCommand(create)
	return cmd
}

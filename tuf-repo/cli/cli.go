// Package cli is the command line of tufrepo.
package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/tuf-repo/disk"
	"github.com/slipway-os/slipway/tuf-repo/key"
	"github.com/slipway-os/slipway/tuf-repo/repo"
)

// errReported says that the command failed and has said why itself.
var errReported = errors.New("problems were found")

// Main runs tufrepo with the arguments after the program's name and returns
// the exit code: 0, or 1 for any failure.
func Main(args []string, stdout, stderr io.Writer) int {
	return MainOn(&disk.Disk{}, args, stdout, stderr)
}

// MainOn is Main with its changes made by d.
func MainOn(d *disk.Disk, args []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := command(&app{disk: d, stderr: stderr})
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	if !errors.Is(err, errReported) {
		fmt.Fprintf(stderr, "tufrepo: %v\n", err)
	}
	return 1
}

func command(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "tufrepo",
		Short: "Make, change and mirror signed update repositories",
		Long: `Make, change and mirror signed update repositories (TUF 1.0).

A repository is a folder that any file server can serve. It has channels; each
has a manifest of the images that it offers and when. Every change is written
beside what is published and takes effect at once or, after a crash, not at
all.`,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
	}
	root.AddCommand(
		initCommand(a), channelCommand(a), addCommand(a), publishCommand(a), refreshCommand(a),
		listCommand(a), statusCommand(a), wavesCommand(a), pauseCommand(a, true), pauseCommand(a, false),
		rotateCommand(a), signCommand(a), keyCommand(a), mirrorCommand(a), serveCommand(a), trialCommand(a))
	return root
}

// app is what the commands share.
type app struct {
	disk       *disk.Disk
	stderr     io.Writer
	repo       string
	keys       string
	passphrase string
	workFactor int
	asJSON     bool
}

// repoFlag names the repository.
func (a *app) repoFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&a.repo, "repo", "", "folder of the repository")
	cmd.MarkFlagRequired("repo")
}

// keyFlags name the keys at hand.
func (a *app) keyFlags(cmd *cobra.Command) {
	usual := os.Getenv("SLIPWAY_KEYS")
	if usual == "" {
		usual = "keys"
	}
	cmd.Flags().StringVar(&a.keys, "keys", usual, "folder of keys (NAME.key, NAME.pub); or set SLIPWAY_KEYS")
	cmd.Flags().StringVar(&a.passphrase, "passphrase-file", "", "file whose first line opens the keys; else "+key.Variable+", else a question at the terminal")
}

// newKeyFlags say how new keys are made.
func (a *app) newKeyFlags(cmd *cobra.Command) {
	cmd.Flags().IntVar(&a.workFactor, "work-factor", key.WorkFactor, "cost of a guess at a new key's passphrase: 2^N rounds of scrypt")
}

func (a *app) jsonFlag(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&a.asJSON, "json", false, "print JSON")
}

func (a *app) ring() (*key.Ring, error) {
	return key.OpenRing(a.keys, key.Passphrases(a.passphrase, false, os.Stdin, a.stderr))
}

func (a *app) options() (repo.Options, error) {
	ring, err := a.ring()
	return repo.Options{Disk: a.disk, Ring: ring, Progress: progress(a.stderr), Now: time.Now}, err
}

// open opens the repository for one command.
func (a *app) open() (*repo.Repository, error) {
	o, err := a.options()
	if err != nil {
		return nil, err
	}
	return repo.Open(a.repo, o)
}

// with runs f on the repository.
func (a *app) with(f func(r *repo.Repository) error) error {
	r, err := a.open()
	if err != nil {
		return err
	}
	defer r.Close()
	return f(r)
}

func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// makeKey makes a key in the folder of keys, or takes the one that is there.
func (a *app) makeKey(w io.Writer, name string) (*keyed, error) {
	path := filepath.Join(a.keys, name+".pub")
	if _, err := os.Stat(path); err == nil {
		return publicKey(path)
	}
	if a.workFactor < 1 || a.workFactor > 22 {
		return nil, fmt.Errorf("--work-factor %d is not from 1 to 22", a.workFactor)
	}
	k, err := key.Make(a.disk, a.keys, name, a.workFactor, key.Passphrases(a.passphrase, true, os.Stdin, a.stderr))
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(w, "made %s\n", filepath.Join(a.keys, name+".key"))
	return &keyed{name, k}, nil
}

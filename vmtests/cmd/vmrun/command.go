package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/machine"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

// options are the command line.
type options struct {
	image, userData, diskSize, persist string
	memory, cpus                       int
	closed                             bool
	host                               hostPaths
}

func newCommand() *cobra.Command {
	o := options{host: hostPathsFromEnv()}
	c := &cobra.Command{
		Use:   "vmrun [flags]",
		Short: "Boot an image in the terminal",
		Long: `Boot an image in the terminal. The image is never written: changes go to an
overlay that is thrown away, or with --persist to a disk of its own.`,
		Example: "  bazel run //variants/base:run -- --memory 2048 --disk-size 20G --persist ~/slipway.img",
		Args:    cobra.NoArgs, SilenceUsage: true, SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error { return o.run(cmd.Context(), cmd.ErrOrStderr()) },
	}
	f := c.Flags()
	f.StringVar(&o.image, "image", os.Getenv("SLIPWAY_IMAGE"), "raw disk image")
	f.IntVar(&o.memory, "memory", 1024, "memory, in MiB")
	f.IntVar(&o.cpus, "cpus", 2, "processors")
	f.StringVar(&o.userData, "user-data", "", "file with user data (default: what opens the API)")
	f.BoolVar(&o.closed, "no-user-data", false, "give no user data; the API is shut then")
	f.StringVar(&o.diskSize, "disk-size", "4G", "size of the disk: a number with M, G or T")
	f.StringVar(&o.persist, "persist", "", "disk that keeps what the host writes; made from the image if it does not exist")
	c.MarkFlagsMutuallyExclusive("user-data", "no-user-data")
	return c
}

func (o options) run(ctx context.Context, out io.Writer) error {
	if o.image == "" {
		return errors.New("no image: use --image, or bazel run //variants/base:run")
	}
	if err := qemu.CheckTools(); err != nil {
		return err
	}
	fmt.Fprintln(out, "Looking for the fastest way to run a guest …")
	a, err := accel.NewProber(qemu.OVMF.Code, qemu.OVMF.Vars).Choose(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "vmrun-")
	if err != nil {
		return fmt.Errorf("making a folder for the machine: %w", err)
	}
	defer os.RemoveAll(dir)
	config, err := o.config(ctx, dir, a)
	if err != nil {
		return err
	}
	fmt.Fprint(out, o.hint(config))
	vm, err := qemu.Start(ctx, config, io.Discard, func(qemu.Event) {})
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		vm.Kill()
	case <-vm.Exited():
	}
	return o.keepVars(config)
}

// config is the machine, with its disk and its files in dir.
func (o options) config(ctx context.Context, dir string, a accel.Accel) (qemu.Config, error) {
	c := qemu.Config{
		Accel: a, Firmware: qemu.OVMF, Dir: dir, MemoryMiB: o.memory, CPUs: o.cpus,
		UUID: uuid.NewString(), Network: true, Terminal: true,
	}
	size, err := parseSize(o.diskSize)
	if err != nil {
		return c, fmt.Errorf("--disk-size: %w", err)
	}
	switch {
	case o.userData != "":
		c.UserData, err = os.ReadFile(o.host.inside(o.userData))
	case !o.closed:
		c.UserData = []byte(machine.DoorOpen)
	}
	if err != nil {
		return c, fmt.Errorf("reading user data: %w", err)
	}
	if o.persist == "" {
		c.Disk, err = qemu.Overlay(ctx, o.image, filepath.Join(dir, "disk.qcow2"), size)
		return c, err
	}
	path := o.host.inside(o.persist)
	c.UUID = uuid.NewSHA1(uuid.NameSpaceURL, []byte(o.persist)).String()
	if c.Disk, err = persistentDisk(ctx, o.image, path, size); err != nil {
		return c, err
	}
	return c, copyIfThere(path+varsSuffix, filepath.Join(dir, "vars.fd"))
}

// hint says what somebody in front of the console has to know.
func (o options) hint(c qemu.Config) string {
	var b strings.Builder
	fmt.Fprintf(&b, "Accelerator: %s\n", c.Accel)
	kept := "thrown away at the end"
	if o.persist != "" {
		kept = "kept in " + o.persist
	}
	fmt.Fprintf(&b, "Disk: %s, what the host writes is %s\n", o.diskSize, kept)
	if c.UserData != nil {
		fmt.Fprintf(&b, "API, from another terminal:\n  curl --unix-socket %s http://slipway/os\n", o.host.outside(c.Door()))
	} else {
		fmt.Fprintln(&b, "API: shut, there is no user data")
	}
	fmt.Fprint(&b, "To leave: Ctrl-a x. To QEMU's monitor and back: Ctrl-a c.\n\n")
	return b.String()
}

// keepVars keeps the firmware's variables beside a persistent disk.
func (o options) keepVars(c qemu.Config) error {
	if o.persist == "" {
		return nil
	}
	return copyIfThere(filepath.Join(c.Dir, "vars.fd"), o.host.inside(o.persist)+varsSuffix)
}

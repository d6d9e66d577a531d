package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/vmtests/accel"
	"github.com/slipway-os/slipway/vmtests/qemu"
)

func newCommand() *cobra.Command {
	c := &cobra.Command{
		Use: "boot", Short: "Measure boots against a minimal systemd image of Debian",
		SilenceUsage: true, SilenceErrors: true,
	}
	c.AddCommand(newRoot(), newMeasure())
	return c
}

// newRoot makes the command that needs the network and mmdebstrap; the other
// one needs QEMU, OVMF and imagetool, which are in the SDK's root.
func newRoot() *cobra.Command {
	var r rootOptions
	c := &cobra.Command{
		Use:   "root --output ROOT.tar",
		Short: "Make the baseline's root file system by mmdebstrap",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return r.run(cmd.Context(), cmd.ErrOrStderr()) },
	}
	f := c.Flags()
	f.StringVar(&r.output, "output", "", "tar archive to write")
	f.StringVar(&r.suite, "suite", "trixie", "suite of Debian")
	f.StringArrayVar(&r.mirrors, "mirror", nil, "mirror or sources.list line for mmdebstrap (default: its own)")
	c.MarkFlagRequired("output")
	return c
}

func newMeasure() *cobra.Command {
	var (
		m       bench
		build   baselineImage
		runs    int
		results string
	)
	c := &cobra.Command{
		Use:   "measure --image DISK --baseline-root ROOT.tar --kernel FILE …",
		Short: "Boot both images in turn and compare",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, out := cmd.Context(), cmd.OutOrStdout()
			if err := qemu.CheckTools(); err != nil {
				return err
			}
			a, err := accel.NewProber(qemu.OVMF.Code, qemu.OVMF.Vars).Choose(ctx)
			if err != nil {
				return err
			}
			m.accel = a
			dir, err := os.MkdirTemp("", "bench-")
			if err != nil {
				return fmt.Errorf("making a folder: %w", err)
			}
			defer os.RemoveAll(dir)
			if m.evidence == "" {
				m.evidence = dir
			}
			if m.baseline, err = build.make(ctx, dir, cmd.ErrOrStderr()); err != nil {
				return err
			}
			r, err := m.run(ctx, runs, cmd.ErrOrStderr())
			if err != nil {
				return err
			}
			fmt.Fprint(out, r.table())
			return writeJSON(results, r)
		},
	}
	f := c.Flags()
	f.StringVar(&m.image, "image", os.Getenv("SLIPWAY_IMAGE"), "disk image to measure")
	f.DurationVar(&m.settle, "settle", 10*time.Second, "how long a host idles before its memory is looked at")
	f.StringVar(&m.evidence, "evidence", os.Getenv("TEST_UNDECLARED_OUTPUTS_DIR"), "folder for consoles (default: none are kept)")
	f.IntVar(&runs, "runs", 3, "boots of each image; the median counts")
	f.StringVar(&results, "json", "", "file to write the results to")
	f.StringVar(&build.root, "baseline-root", "", "root file system made by \"boot root\"")
	f.StringVar(&build.imagetool, "imagetool", "imagetool", "program that makes images")
	f.StringVar(&build.kernel, "kernel", "", "kernel of both images")
	f.StringVar(&build.stub, "stub", "", "systemd stub (linuxx64.efi.stub)")
	f.StringVar(&build.bootloader, "bootloader", "", "boot loader (systemd-bootx64.efi)")
	f.StringVar(&build.layout, "layout", "", "disk layout (TOML)")
	for _, name := range []string{"baseline-root", "kernel", "stub", "bootloader", "layout"} {
		c.MarkFlagRequired(name)
	}
	return c
}

func writeJSON(path string, r results) error {
	if path == "" {
		return nil
	}
	data, err := json.MarshalIndent(r, "", "  ")
	if err == nil {
		err = os.WriteFile(path, append(data, '\n'), 0o644)
	}
	if err != nil {
		return fmt.Errorf("writing the results: %w", err)
	}
	return nil
}

package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/slipway-os/slipway/imagetool/assemble"
)

func buildCommand() *cobra.Command {
	var o assemble.Options
	cmd := &cobra.Command{
		Use:   "build --rootfs ROOT.tar --kernel FILE --stub FILE --bootloader FILE --os-release FILE --layout FILE --version V --output IMAGE",
		Short: "Build a bootable disk image",
		Long: `Build a bootable disk image: EROFS with its dm-verity hash tree in slot A, a
unified kernel image and the boot loader on the EFI system partition, an empty
slot B, and an empty state partition.

mkfs.erofs and mkfs.ext4 are run from PATH. Every time in the image is
SOURCE_DATE_EPOCH; equal inputs give equal bytes. The image appears whole or
not at all, and not at all where a partition would be fuller than the layout
allows.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if o.Time, err = sourceDate(); err != nil {
				return err
			}
			o.Report = cmd.OutOrStdout()
			facts, err := assemble.Image(cmd.Context(), o)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "root hash %s\n", facts.RootHash)
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.Rootfs, "rootfs", nil, "tar archive of the root file system; several are merged")
	f.StringVar(&o.Kernel, "kernel", "", "kernel with EFI stub (bzImage)")
	f.StringVar(&o.Stub, "stub", "", "systemd stub (linuxx64.efi.stub)")
	f.StringVar(&o.Bootloader, "bootloader", "", "boot loader (systemd-bootx64.efi)")
	f.StringVar(&o.OSRelease, "os-release", "", "os-release file, put into the UKI")
	f.StringVar(&o.Layout, "layout", "", "disk layout (TOML)")
	f.StringVar(&o.Version, "version", "", "version of the image; must be os-release's VERSION_ID")
	f.StringVar(&o.Output, "output", "", "disk image to write")
	for _, name := range []string{"rootfs", "kernel", "stub", "bootloader", "os-release", "layout", "version", "output"} {
		cmd.MarkFlagRequired(name)
	}
	f.StringVar(&o.Cmdline, "cmdline", "", "arguments added to the kernel command line")
	f.StringVar(&o.Artifacts, "artifacts", "", "folder for root.erofs and uki.efi, the frames and index of both, root.verity and image.json")
	return cmd
}
